"""Deepgram's ``POST /v1/listen`` for files: what is asked, and what is read of the answer. Pure.

Source: Deepgram API reference, "Pre-recorded audio", and the types of ``deepgram-sdk``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bridges.http import Request
from bridges.stt.iso639 import short
from bridges.stt.streaming_options import Deepgram
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileTranscript, SoundFile, SpokenSegment, SpokenWord

LIMITS = FileLimits(max_bytes=2_000_000_000)
FEATURES: frozenset[FileFeature] = frozenset(("words", "segments", "speakers", "language", "keywords"))
TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "webm": "audio/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
}


class Word(Struct):
    """A word; times in seconds."""

    word: str = ""
    punctuated_word: str | None = None
    start: float = 0.0
    end: float = 0.0
    confidence: float | None = None
    speaker: int | None = None


class Alternative(Struct):
    """One reading; ``languages`` where several are listened for."""

    transcript: str = ""
    words: list[Word] | None = None
    languages: list[str] | None = None


class Channel(Struct):
    """Readings, the best one first."""

    alternatives: list[Alternative] = []
    detected_language: str | None = None


class Utterance(Struct):
    """A sentence or so."""

    transcript: str = ""
    start: float = 0.0
    end: float = 0.0
    speaker: int | None = None


class Results(Struct):
    """What was said."""

    channels: Annotated[list[Channel], Meta(min_length=1)]
    utterances: list[Utterance] | None = None


class Metadata(Struct, frozen=True):
    """``duration`` in seconds."""

    duration: float = 0.0


class Answer(Struct):
    """The whole answer."""

    results: Results
    metadata: Metadata = Metadata()


class Refused(Struct):
    """Errors of both shapes that Deepgram writes."""

    err_code: str = ""
    err_msg: str = ""
    category: str = ""
    message: str = ""


_ANSWER = msgspec.json.Decoder(Answer)
_REFUSED = msgspec.json.Decoder(Refused)


def request(chosen: Deepgram, sound: SoundFile, ask: FileAsk) -> Request:
    """Return what is asked of Deepgram."""
    model = chosen.file_model or ("nova-3" if chosen.model.startswith("flux") else chosen.model)
    language = ask.language or chosen.language
    asked: list[tuple[str, str]] = [
        ("model", model),
        ("smart_format", _word(chosen.smart_format)),
        *([("language", language)] if language else [("detect_language", "true")]),
        *([("utterances", "true")] if ask.segments or ask.speakers else []),
        *([("diarize_model", "latest")] if ask.speakers else []),
        *([("mip_opt_out", "true")] if chosen.mip_opt_out else []),
        *terms(model, (*chosen.keyterms, *ask.keywords)),
    ]
    return Request("POST", "v1/listen", asked, {"Content-Type": TYPES[sound.kind]}, content=sound.data)


def terms(model: str, words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the words to listen for: ``keyterm`` for Nova-3 and Flux, ``keywords`` for what came before."""
    name = "keyterm" if model.startswith(("nova-3", "flux")) else "keywords"
    return [(name, word) for word in words]


def read(body: bytes, sound: SoundFile, ask: FileAsk) -> FileTranscript:
    """Return the transcript. Raises BridgeError."""
    try:
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BridgeError("the recogniser's answer is none", code="protocol_error") from None
    channel = answer.results.channels[0]
    best = channel.alternatives[0] if channel.alternatives else Alternative()
    seconds = answer.metadata.duration or sound.duration
    return FileTranscript(
        best.transcript,
        short(channel.detected_language or next(iter(best.languages or ()), ask.language)),
        seconds,
        tuple(map(_spoken, best.words or ())) if ask.words else (),
        tuple(map(_segment, answer.results.utterances or ())) if ask.segments or ask.speakers else (),
        Usage(seconds=seconds, source="provider" if answer.metadata.duration else "metered"),
    )


def said(body: bytes) -> tuple[str, str]:
    """Return code and message of an error body."""
    try:
        told = _REFUSED.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return "", ""
    return told.err_code or told.category, told.err_msg or told.message


def _word(told: bool) -> str:
    return "true" if told else "false"


def _spoken(word: Word) -> SpokenWord:
    return SpokenWord(
        word.punctuated_word or word.word, word.start, word.end, _speaker(word.speaker), confidence=word.confidence
    )


def _segment(told: Utterance) -> SpokenSegment:
    return SpokenSegment(told.transcript, told.start, told.end, _speaker(told.speaker))


def _speaker(number: int | None) -> str | None:
    return None if number is None else f"speaker_{number}"
