"""ElevenLabs Scribe for files (``POST /v1/speech-to-text``): what is asked, and what is read of the answer. Pure.

Scribe tells words, no sentences: :func:`segments` makes them. Source: ElevenLabs API reference, "Create transcript", and the
``elevenlabs`` SDK.
"""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bridges.http import Request
from bridges.stt.iso639 import short
from bridges.stt.streaming_options import Scribe
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileTranscript, SoundFile, SpokenSegment, SpokenWord

LIMITS = FileLimits(max_bytes=2_000_000_000)
FEATURES: frozenset[FileFeature] = frozenset(("words", "segments", "speakers", "language", "keywords", "temperature"))
PAUSE_S = 1.0
"""A pause this long ends a segment."""
_ENDS = (".", "?", "!", "…", "\u3002", "\uff1f", "\uff01")


class Token(Struct):
    """A word, the space after it, or a sound that is no word (``type``); times in seconds."""

    text: str
    type: str = "word"
    start: float | None = None
    end: float | None = None
    speaker_id: str | None = None
    logprob: float | None = None


class Answer(Struct):
    """The whole answer; the language has three letters."""

    text: str
    language_code: str | None = None
    words: list[Token] | None = None
    audio_duration_secs: float | None = None


class Detail(Struct):
    """What an error says of itself."""

    status: str = ""
    message: str = ""


class Refused(Struct):
    """An error; 422 has a list instead, which repeats what was sent and is not read."""

    detail: Detail


_ANSWER = msgspec.json.Decoder(Answer)
_REFUSED = msgspec.json.Decoder(Refused)


def request(chosen: Scribe, sound: SoundFile, ask: FileAsk) -> Request:
    """Return what is asked of Scribe; PCM16 mono at 16 kHz goes without its header, which is answered sooner."""
    raw = pcm16k(sound)
    timed = ask.words or ask.segments or ask.speakers
    language = ask.language or chosen.language
    asked: dict[str, Any] = {
        "model_id": chosen.file_model,
        "file_format": "other" if raw is None else "pcm_s16le_16",
        "timestamps_granularity": "word" if timed else "none",
        "tag_audio_events": _word(chosen.audio_events),
        "diarize": _word(ask.speakers),
    }
    if language:
        asked["language_code"] = short(language)
    if ask.temperature is not None:
        asked["temperature"] = str(ask.temperature)
    if chosen.no_verbatim:
        asked["no_verbatim"] = "true"
    if chosen.keyterms or ask.keywords:
        asked["keyterms"] = [*chosen.keyterms, *ask.keywords]
    name = f"speech.{sound.kind}" if raw is None else "speech.pcm"
    part = (name, sound.data if raw is None else raw, "application/octet-stream")
    logged = None if chosen.enable_logging else [("enable_logging", "false")]
    return Request("POST", "v1/speech-to-text", logged, data=asked, files=[("file", part)])


def pcm16k(sound: SoundFile) -> bytes | None:
    """Return the samples of a WAV file of PCM16 mono at 16 kHz, ``None`` for anything else."""
    if sound.kind != "wav":
        return None
    try:
        with wave.open(io.BytesIO(sound.data)) as file:
            plain = (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
            return file.readframes(file.getnframes()) if plain else None
    except (wave.Error, EOFError):
        return None


def read(body: bytes, sound: SoundFile, ask: FileAsk) -> FileTranscript:
    """Return the transcript. Raises BridgeError."""
    try:
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BridgeError("the recogniser's answer is none", code="protocol_error") from None
    tokens = answer.words or []
    seconds = answer.audio_duration_secs or sound.duration
    return FileTranscript(
        answer.text.strip(),
        short(answer.language_code or ask.language),
        seconds,
        tuple(_spoken(each) for each in tokens if each.type == "word") if ask.words else (),
        tuple(segments(tokens)) if ask.segments or ask.speakers else (),
        Usage(seconds=seconds, source="provider" if answer.audio_duration_secs else "metered"),
    )


def segments(tokens: Sequence[Token]) -> Iterator[SpokenSegment]:
    """Yield sentences: they end with a full stop or the like, with a pause, or where another speaks."""
    held: list[Token] = []
    for token in tokens:
        if held and token.type != "spacing" and _ends(held, token):
            yield _joined(held)
            held = []
        if held or token.type != "spacing":
            held.append(token)
    if held:
        yield _joined(held)


def said(body: bytes) -> tuple[str, str]:
    """Return code and message of an error body."""
    try:
        detail = _REFUSED.decode(body).detail
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return "", ""
    return detail.status, detail.message


def _ends(held: Sequence[Token], token: Token) -> bool:
    last = next(each for each in reversed(held) if each.type != "spacing")
    paused = token.start is not None and last.end is not None and token.start - last.end >= PAUSE_S
    return paused or last.speaker_id != token.speaker_id or last.text.endswith(_ENDS)


def _joined(held: Sequence[Token]) -> SpokenSegment:
    times = [each for each in held if each.type != "spacing"]
    text = "".join(each.text for each in held).strip()
    return SpokenSegment(text, times[0].start or 0.0, times[-1].end or 0.0, times[0].speaker_id)


def _spoken(token: Token) -> SpokenWord:
    confidence = None if token.logprob is None else min(1.0, math.exp(min(0.0, token.logprob)))
    return SpokenWord(token.text, token.start or 0.0, token.end or 0.0, token.speaker_id, confidence)


def _word(told: bool) -> str:
    return "true" if told else "false"
