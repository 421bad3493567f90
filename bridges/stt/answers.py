"""What servers of the OpenAI shape answer to a file: whole, or as a stream of events. Pure; every answer may be hostile.

Source: OpenAI API reference, "The transcription object" (json, verbose_json, diarized_json), "Transcription stream events".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from bridges.stt.languages import code
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import FileTranscript, SpokenSegment, SpokenWord

LATEST_S = 1e6
Time = Annotated[float, msgspec.Meta(ge=-1, le=LATEST_S)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class _Word(msgspec.Struct):
    word: str
    start: Time = 0.0
    end: Time = 0.0
    probability: float | None = None


class _Segment(msgspec.Struct):
    text: str
    start: Time = 0.0
    end: Time = 0.0
    speaker: str | None = None


class _Details(msgspec.Struct):
    text_tokens: Count | None = None
    audio_tokens: Count | None = None


class _Usage(msgspec.Struct):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_token_details: _Details | None = None
    seconds: Time | None = None


class _Language(msgspec.Struct):
    code: str = ""


class _Error(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None


class _Told(msgspec.Struct):
    """All formats in one: whole answers have no ``type``."""

    type: str = ""
    text: str | None = None
    delta: str | None = None
    language: str | None = None
    languages: list[_Language] | None = None
    duration: Time | None = None
    words: list[_Word] | None = None
    segments: list[_Segment] | None = None
    usage: _Usage | None = None
    start: Time = 0.0
    end: Time = 0.0
    speaker: str | None = None
    error: _Error | str | None = None


_DECODER = msgspec.json.Decoder(_Told, strict=False)  # some servers write numbers as text


def whole(body: bytes) -> FileTranscript:
    """Return a whole answer. Raises BridgeError ``protocol_error``."""
    told = _read(body)
    if told.text is None:
        raise BridgeError("the transcription came without a text", code="protocol_error")
    return _transcript(told, [_segment(each) for each in told.segments or ()])


class Events:
    """The events of a streamed answer: :meth:`take` each one's data, then there is :attr:`transcript`."""

    def __init__(self) -> None:
        self.transcript: FileTranscript | None = None
        self._segments: list[SpokenSegment] = []

    def take(self, data: str) -> str:
        """Take the data of one event and return the text that it adds. Raises BridgeError."""
        if data.strip() == "[DONE]":
            return ""
        told = _read(data)
        if told.type == "transcript.text.delta":
            return told.delta or ""
        if told.type == "transcript.text.segment":
            self._segments.append(_segment(_Segment(told.text or "", told.start, told.end, told.speaker)))
        elif told.type == "transcript.text.done":
            self.transcript = _transcript(told, self._segments)
        return ""


def _read(written: bytes | str) -> _Told:
    try:
        told = _DECODER.decode(written)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BridgeError("the transcription cannot be read", code="protocol_error") from None
    if told.error is not None:
        error = told.error if isinstance(told.error, _Error) else _Error(told.error)
        raise BridgeError(f"the transcription failed: {error.code or ''} {(error.message or '')[:300]}".rstrip())
    return told


def _transcript(told: _Told, segments: Iterable[SpokenSegment]) -> FileTranscript:
    named = told.language or next((each.code for each in told.languages or ()), None)
    return FileTranscript(
        (told.text or "").strip(),
        code(named),
        told.duration,
        tuple(_word(each) for each in told.words or ()),
        tuple(segments),
        usage(told.usage),
    )


def _word(told: _Word) -> SpokenWord:
    start, end = _span(told.start, told.end)
    sure = told.probability
    return SpokenWord(told.word.strip(), start, end, confidence=sure if sure is not None and 0 <= sure <= 1 else None)


def _segment(told: _Segment) -> SpokenSegment:
    return SpokenSegment(told.text.strip(), *_span(told.start, told.end), told.speaker)


def _span(start: float, end: float) -> tuple[float, float]:
    """A time is never before the beginning, nor an end before its start."""
    start = max(0.0, start)
    return start, max(start, end)


def usage(told: _Usage | None) -> Usage | None:
    """Return what the provider counted: tokens or seconds; ``None`` where it says nothing."""
    if told is None or (told.input_tokens is None and told.seconds is None):
        return None
    details = told.input_token_details or _Details()
    return Usage(
        input_tokens=told.input_tokens or 0,
        output_tokens=told.output_tokens or 0,
        input_text_tokens=details.text_tokens or 0,
        input_audio_tokens=details.audio_tokens or 0,
        output_text_tokens=told.output_tokens or 0,
        seconds=max(0.0, told.seconds or 0.0),
        source="provider",
    )
