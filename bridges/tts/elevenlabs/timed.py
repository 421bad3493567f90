"""The lines of ``/stream/with-timestamps``: newline-delimited JSON, times from the start of the whole text. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bridges.elevenlabs.wire import Alignment
from bridges.tts.elevenlabs.words import Words
from bridges.tts.incoming import MAX_SECONDS
from bridges.tts.samples import Samples
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound

MAX_LINE = 4 << 20


class _Characters(Struct):
    characters: Annotated[list[str], Meta(max_length=8192)]
    character_start_times_seconds: Annotated[list[float], Meta(max_length=8192)]
    character_end_times_seconds: Annotated[list[float], Meta(max_length=8192)]


class _Line(Struct):
    audio_base64: bytes
    alignment: _Characters | None = None


_READ = msgspec.json.Decoder(_Line)


class Timed:
    """Takes the body as it comes, cut anywhere, and gives its sound with words."""

    def __init__(self, rate: int) -> None:
        self._rest = b""
        self._left = int(MAX_SECONDS * 2 * rate)
        self._samples, self._words = Samples(), Words()

    def feed(self, data: bytes) -> Iterator[Sound]:
        """Yield the sound of the lines that are complete now. Raises BridgeError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise BridgeError("the voice sent too large a message", code="too_large")
        for line in lines:
            if line.strip():
                yield self._sound(line)

    def end(self) -> Iterator[Sound]:
        """Yield what a last line without an end holds, and the last word."""
        if self._rest.strip():
            yield self._sound(self._rest)
        if words := self._words.end():
            yield Sound(b"", words)

    def _sound(self, line: bytes) -> Sound:
        try:
            read = _READ.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise BridgeError("the voice sends nonsense", code="protocol_error") from None
        self._left -= len(read.audio_base64)
        if self._left < 0:
            raise BridgeError("the voice does not come to an end", code="too_large")
        words = self._words.feed(_aligned(read.alignment)) if read.alignment is not None else ()
        return Sound(self._samples.feed(read.audio_base64), words)


def _aligned(told: _Characters) -> Alignment:
    spans = zip(told.character_start_times_seconds, told.character_end_times_seconds, strict=False)
    starts = [start * 1000 for start in told.character_start_times_seconds]
    return Alignment(told.characters, starts, [(end - start) * 1000 for start, end in spans])
