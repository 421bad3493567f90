"""What a client asks of a file: the fields of ``/v1/audio/transcriptions`` and ``/translations``, checked. Pure.

What the contract does not allow is refused by :func:`read_wanted`; what an engine cannot do, by :func:`fitted`. Nothing that
was asked for is left out in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from mediaserver.errors import BadRequest
from mediaserver.speech import FileAsk, FileFeature
from signaling.audio.form import Fields

TRANSCRIBE, TRANSLATE = "transcribe", "translate"
FORMATS = {
    TRANSCRIBE: ("json", "text", "srt", "verbose_json", "vtt", "diarized_json"),
    TRANSLATE: ("json", "text", "srt", "verbose_json", "vtt"),
}
STREAMED = ("json", "text", "diarized_json")
MAX_KEYWORDS = 100

REFUSED = {
    "known_speaker_names": "no engine here knows speakers by name: leave it out; diarized_json calls them A, B, …",
    "known_speaker_references": "no engine here takes samples of speakers: leave it out; diarized_json calls them A, B, …",
    "url": "files are not fetched from elsewhere: send the sound itself in 'file'",
}
"""Fields that are understood and cannot be done, whatever the engine."""

_FIELDS = {
    TRANSLATE: frozenset({"model", "prompt", "response_format", "temperature"}),
    TRANSCRIBE: frozenset(
        {
            *("model", "prompt", "response_format", "temperature", "language", "languages", "keywords"),
            *("timestamp_granularities", "include", "stream", "chunking_strategy"),
        }
    ),
}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_VAD = {"threshold": (0.0, 1.0), "prefix_padding_ms": (0, 10_000), "silence_duration_ms": (0, 10_000)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request for a transcript; ``words`` and ``segments`` are what the answer is to hold."""

    model: str
    form: str = "json"
    task: str = TRANSCRIBE
    stream: bool = False
    language: str | None = None
    languages: bool = False
    prompt: str = ""
    temperature: float | None = None
    keywords: tuple[str, ...] = ()
    words: bool = False
    segments: bool = False

    @property
    def cued(self) -> bool:
        """Whether the answer cannot be written without segments."""
        return self.segments or self.form in ("srt", "vtt", "diarized_json")


@dataclass(frozen=True, slots=True)
class Fitted:
    """What an engine is asked; ``by_pauses``: it tells no times, so each piece between two pauses is a segment."""

    ask: FileAsk
    by_pauses: bool = False


def read_wanted(fields: Fields, task: str = TRANSCRIBE, deployment: str = "") -> Wanted:
    """Return what a form asks for; ``deployment``: the model that Azure's address names. Raises BadRequest."""
    _check_names(fields, task)
    form = _form(fields, task)
    words, segments = _granularities(fields, form)
    language, several = _language(fields)
    _check_chunking(fields.thing("chunking_strategy"))
    _check_include(fields)
    return Wanted(
        model=deployment or fields.text("model").strip(),
        form=form,
        task=task,
        stream=_stream(fields, form),
        language=language,
        languages=several,
        prompt=fields.text("prompt"),
        temperature=fields.number("temperature", 0.0, 1.0),
        keywords=fields.many("keywords", MAX_KEYWORDS),
        words=words,
        segments=segments,
    )


def _check_names(fields: Fields, task: str) -> None:
    for name in fields.names():
        if name not in _FIELDS[task]:
            known = ", ".join(sorted(_FIELDS[task]))
            raise BadRequest(
                f"there is no field '{name}' here; there are: file, {known}", code="unknown_parameter", param=name
            )


def _form(fields: Fields, task: str) -> str:
    form = fields.text("response_format").strip() or "json"
    if form not in FORMATS[task]:
        raise _wrong("response_format", f"is one of: {', '.join(FORMATS[task])}")
    return form


def _granularities(fields: Fields, form: str) -> tuple[bool, bool]:
    said = fields.many("timestamp_granularities", 2)
    if any(each not in ("word", "segment") for each in said):
        raise _wrong("timestamp_granularities", "holds 'word', 'segment' or both")
    if said and form != "verbose_json":
        raise _wrong(
            "timestamp_granularities", "goes with response_format=verbose_json only: ask for that, or leave it out"
        )
    return "word" in said, form == "verbose_json" and ("segment" in said or not said)


def _stream(fields: Fields, form: str) -> bool:
    stream = fields.truth("stream")
    if stream and form not in STREAMED:
        raise _wrong(
            "stream", f"goes with response_format {', '.join(STREAMED)}: ask for one of these, or do not stream"
        )
    return stream


def _language(fields: Fields) -> tuple[str | None, bool]:
    one, several = fields.text("language").strip(), fields.many("languages", 32)
    if one and several:
        raise _wrong("languages", "and 'language' exclude each other: send one of them")
    if len(several) > 1:
        raise _wrong("languages", "can name one language here: send that one, or none to let the engine find out")
    chosen = one or next(iter(several), "")
    if chosen and not _LANGUAGE.fullmatch(chosen):
        raise _wrong("language" if one else "languages", "is an ISO 639-1 code, for example en")
    return chosen or None, bool(several)


def _check_include(fields: Fields) -> None:
    if fields.many("include", 16):
        raise _wrong(
            "include", "asks for logprobs, which no engine here gives: leave it out", code="unsupported_parameter"
        )


def _check_chunking(said: str | dict[str, Any] | None) -> None:
    """Take the contract's forms: files are cut at pauses here whatever is said, and how long a pause is, is ours to find."""
    if said is None or said in ("", "auto"):
        return
    if not isinstance(said, dict) or said.get("type") != "server_vad" or set(said) - set(_VAD) - {"type"}:
        raise _wrong("chunking_strategy", "is 'auto' or an object of type server_vad")
    for name, (least, most) in _VAD.items():
        if name in said and not least <= _number(said[name]) <= most:
            raise _wrong("chunking_strategy", f"has '{name}' outside of {least:g} to {most:g}")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return -1.0


def _wrong(name: str, what: str, code: str = "invalid_value") -> BadRequest:
    return BadRequest(f"'{name}' {what}", code=code, param=name)


# --- what the engine can do -------------------------------------------------------------------------------------------

_NEEDS: tuple[tuple[FileFeature, str, Callable[[Wanted], bool], str], ...] = (
    ("translate", "model", lambda w: w.task == TRANSLATE, "translates; ask for a transcript, or choose another model"),
    ("speakers", "response_format", lambda w: w.form == "diarized_json", "tells speakers apart; ask for verbose_json"),
    ("words", "timestamp_granularities", lambda w: w.words, "tells the times of words; ask for segment"),
    ("language", "language", lambda w: w.language is not None, "can be told a language; leave it out"),
    ("prompt", "prompt", lambda w: bool(w.prompt), "takes a prompt; leave it out"),
    ("keywords", "keywords", lambda w: bool(w.keywords), "takes keywords; leave them out"),
    ("temperature", "temperature", lambda w: bool(w.temperature), "takes a temperature; leave it out, or send 0"),
)
"""What an engine must be able to do, which field asks for it, when it is asked for, and what else there is to do."""


def fitted(wanted: Wanted, features: Collection[FileFeature], model: str) -> Fitted:
    """Return what an engine with these features is asked. Raises BadRequest that names the field and a way out."""
    for feature, param, asked, otherwise in _NEEDS:
        if feature not in features and asked(wanted):
            raise BadRequest(
                f"the model '{model}' has no engine that {otherwise}", code="unsupported_by_model", param=param
            )
    timed = {"words", "segments"} & set(features)
    return Fitted(
        FileAsk(
            language=wanted.language,
            prompt=wanted.prompt,
            temperature=wanted.temperature if "temperature" in features else None,
            keywords=wanted.keywords,
            translate=wanted.task == TRANSLATE,
            words=wanted.words or (wanted.cued and "segments" not in features and "words" in features),
            segments=wanted.cued and "segments" in features,
            speakers=wanted.form == "diarized_json",
        ),
        by_pauses=wanted.cued and not timed,
    )
