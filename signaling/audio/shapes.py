"""A transcript in the shapes of OpenAI's audio API: what ``response_format`` names, and the events of a stream. Pure.

Source: the types of the ``openai`` package, ``openai/types/audio``. Of a segment's fields the engines here do not count
``tokens``, ``avg_logprob`` and ``no_speech_prob``: they are empty and 0.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from mediaserver.items import Usage
from mediaserver.speech import FileTranscript, SpokenSegment
from signaling.audio.languages import language_name
from signaling.audio.subtitles import srt, vtt

JSON, TEXT, VTT = "application/json", "text/plain", "text/vtt"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Told:
    """A transcript and how it is to be told; ``seconds`` is the length of the file."""

    transcript: FileTranscript
    seconds: float
    task: str = "transcribe"
    words: bool = False
    segments: bool = True
    temperature: float = 0.0
    languages: bool = False


def body(told: Told, form: str) -> tuple[str, str]:
    """Return the body and its content type."""
    content_type, write = FORMS[form]
    return write(told), content_type


def plain(told: Told) -> dict[str, Any]:
    """Return the ``json`` shape."""
    text: dict[str, Any] = {"text": told.transcript.text}
    if told.task == "translate":
        return text
    return text | _languages(told) | {"usage": _usage(told)}


def verbose(told: Told) -> dict[str, Any]:
    """Return the ``verbose_json`` shape: the language by name, and the times that were asked for."""
    said = told.transcript
    language = "english" if told.task == "translate" else language_name(said.language)
    shape: dict[str, Any] = {
        "task": told.task, "language": language, "duration": round(told.seconds, 3), "text": said.text,
    }  # fmt: skip
    if told.segments:
        shape["segments"] = [_segment(number, each, told) for number, each in enumerate(said.segments)]
    if told.words:
        shape["words"] = [
            {"word": each.text, "start": round(each.start, 3), "end": round(each.end, 3)} for each in said.words
        ]
    return shape | {"usage": duration_usage(told.seconds)}


def diarized(told: Told) -> dict[str, Any]:
    """Return the ``diarized_json`` shape."""
    segments = [segment_event(number, each) for number, each in enumerate(lettered(told.transcript).segments, 1)]
    return {
        "task": "transcribe",
        "duration": round(told.seconds, 3),
        "text": told.transcript.text,
        "segments": segments,
        "usage": _usage(told),
    }


def delta_event(delta: str) -> dict[str, Any]:
    """Return the event of some more text."""
    return {"type": "transcript.text.delta", "delta": delta}


def segment_event(number: int, segment: SpokenSegment) -> dict[str, Any]:
    """Return a segment with who speaks, as it stands in ``diarized_json`` and comes as an event; counted from 1."""
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{number:03d}",
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "speaker": segment.speaker or LETTERS[0],
    }


def done_event(told: Told) -> dict[str, Any]:
    """Return the last event; its usage is of tokens only (the contract has no other there)."""
    usage = _usage(told)
    counted = {"usage": usage} if usage["type"] == "tokens" else {}
    return {"type": "transcript.text.done", "text": told.transcript.text, **_languages(told), **counted}


def lettered(transcript: FileTranscript) -> FileTranscript:
    """Return it with its speakers called A, B, … in the order in which they speak."""
    names: dict[str, str] = {}

    def letter(segment: SpokenSegment) -> SpokenSegment:
        name = names.setdefault(segment.speaker or "", _letter(len(names)))
        return replace(segment, speaker=name)

    return replace(transcript, segments=tuple(letter(each) for each in transcript.segments))


def duration_usage(seconds: float) -> dict[str, Any]:
    """Return the usage of a file of this length, rounded up."""
    return {"type": "duration", "seconds": math.ceil(seconds)}


def _letter(number: int) -> str:
    return LETTERS[number] if number < len(LETTERS) else f"{LETTERS[number % 26]}{number // 26}"


def _languages(told: Told) -> dict[str, Any]:
    if not told.languages:
        return {}
    code = told.transcript.language
    return {"languages": [{"code": code}] if code else []}


def _usage(told: Told) -> dict[str, Any]:
    used = told.transcript.usage
    return duration_usage(told.seconds) if used is None or not _tokens(used) else _token_usage(used)


def _tokens(used: Usage) -> int:
    return used.input_tokens + used.output_tokens


def _token_usage(used: Usage) -> dict[str, Any]:
    return {
        "type": "tokens",
        "input_tokens": used.input_tokens,
        "input_token_details": {"text_tokens": used.input_text_tokens, "audio_tokens": used.input_audio_tokens},
        "output_tokens": used.output_tokens,
        "total_tokens": _tokens(used),
    }


def _segment(number: int, segment: SpokenSegment, told: Told) -> dict[str, Any]:
    text = segment.text.strip()
    packed = len(zlib.compress(text.encode()))
    return {
        "id": number,
        "seek": round(segment.start * 100),
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": f" {text}",
        "tokens": [],
        "temperature": told.temperature,
        "avg_logprob": 0.0,
        "compression_ratio": round(len(text.encode()) / packed, 3),
        "no_speech_prob": 0.0,
    }


def _json(shape: Callable[[Told], dict[str, Any]]) -> Callable[[Told], str]:
    """``msgspec`` is ten times as quick as ``json``, which holds on to the interpreter until all is written."""
    return lambda told: msgspec.json.encode(shape(told)).decode()


FORMS: Mapping[str, tuple[str, Callable[[Told], str]]] = {
    "json": (JSON, _json(plain)),
    "text": (TEXT, lambda told: f"{told.transcript.text}\n"),
    "srt": (TEXT, lambda told: srt(told.transcript.segments)),
    "verbose_json": (JSON, _json(verbose)),
    "vtt": (VTT, lambda told: vtt(told.transcript.segments)),
    "diarized_json": (JSON, _json(diarized)),
}
