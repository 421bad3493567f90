"""What Google Cloud Speech-to-Text v2 is asked and answers, as JSON. Pure; every answer may be hostile.

Source: Cloud Speech-to-Text v2 REST reference, ``projects.locations.recognizers.recognize``.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from bridges.stt.languages import code
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import FileAsk, FileTranscript, SoundFile, SpokenSegment, SpokenWord

BOOST = 10.0
"""How much more likely a keyword is made, 0 to 20."""

_TAGS = """
ca-ES da-DK de-DE el-GR en-US es-US fi-FI fr-FR hi-IN hr-HR it-IT ja-JP ko-KR nl-NL pl-PL pt-BR ro-RO ru-RU sv-SE
tr-TR uk-UA vi-VN ar-EG bg-BG bn-BD cs-CZ et-EE fa-IR gu-IN hu-HU id-ID lt-LT lv-LV ml-IN mr-IN ta-IN te-IN th-TH
sk-SK sl-SI sr-RS ur-PK
"""
TAGS = {tag.partition("-")[0]: tag for tag in _TAGS.split()} | {
    "zh": "cmn-Hans-CN",
    "yue": "yue-Hant-HK",
    "no": "no-NO",
    "he": "iw-IL",
}
"""Google wants a language with its region; where only the language is known, this one is meant."""


class _Word(msgspec.Struct, rename="camel"):
    word: str = ""
    start_offset: str = "0s"
    end_offset: str = "0s"
    confidence: float | None = None
    speaker_label: str = ""


class _Alternative(msgspec.Struct):
    transcript: str = ""
    words: list[_Word] = []


class _Result(msgspec.Struct, rename="camel"):
    alternatives: list[_Alternative] = []
    result_end_offset: str = "0s"
    language_code: str = ""


class _Metadata(msgspec.Struct, rename="camel", frozen=True):
    total_billed_duration: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    metadata: _Metadata = _Metadata()


_DECODER = msgspec.json.Decoder(_Answer)
_DURATION = re.compile(r"(\d{1,7})(\.\d{1,9})?s\Z", re.ASCII)


def tag(language: str | None) -> str:
    """Return the BCP 47 tag that Google knows a language by; ``auto``: it finds out."""
    told = (language or "").strip()
    return TAGS.get(told.lower(), told) or "auto"


def question(sound: SoundFile, ask: FileAsk, model: str) -> dict[str, Any]:
    """Return the body of the request: the file tells itself how it is encoded."""
    timed = ask.words or ask.segments or ask.speakers
    features: dict[str, Any] = {"enableAutomaticPunctuation": True}
    if timed:
        features |= {"enableWordTimeOffsets": True, "enableWordConfidence": ask.words}
    if ask.speakers:
        features["diarizationConfig"] = {}
    config: dict[str, Any] = {
        "autoDecodingConfig": {},
        "model": model,
        "languageCodes": [tag(ask.language)],
        "features": features,
    }
    if ask.keywords:
        phrases = [{"value": word, "boost": BOOST} for word in ask.keywords]
        config["adaptation"] = {"phraseSets": [{"inlinePhraseSet": {"phrases": phrases}}]}
    return {"config": config, "content": b64encode(sound.data).decode()}


def answer(body: bytes, ask: FileAsk) -> FileTranscript:
    """Return what was said. Raises BridgeError ``protocol_error``."""
    try:
        told = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BridgeError("the transcription cannot be read", code="protocol_error") from None
    best = [(result, result.alternatives[0]) for result in told.results if result.alternatives]
    words = _words(alternative.words for _, alternative in best)
    billed = told.metadata.total_billed_duration
    return FileTranscript(
        " ".join(text for _, each in best if (text := each.transcript.strip())),
        code(best[0][0].language_code) if best else None,
        words=words if ask.words or ask.speakers else (),
        segments=tuple(_turns(words) if ask.speakers else _pieces(best)) if ask.segments or ask.speakers else (),
        usage=Usage(seconds=_seconds(billed), source="provider") if billed else None,
    )


def _words(results: Iterable[list[_Word]]) -> tuple[SpokenWord, ...]:
    """Join the words of all results; with speakers each result tells all words again from the beginning."""
    words: list[SpokenWord] = []
    for told in results:
        more = [_word(each) for each in told]
        if more and words and more[0].start <= words[0].start:
            words = more
        else:
            words += more
    return tuple(words)


def _word(told: _Word) -> SpokenWord:
    start = _seconds(told.start_offset)
    sure = told.confidence if told.confidence is not None and 0 < told.confidence <= 1 else None
    return SpokenWord(told.word, start, max(start, _seconds(told.end_offset)), told.speaker_label or None, sure)


def _pieces(best: Iterable[tuple[_Result, _Alternative]]) -> Iterator[SpokenSegment]:
    """Each result is a segment: from its first word, or from the end of the one before."""
    end = 0.0
    for result, each in best:
        start = _seconds(each.words[0].start_offset) if each.words else end
        end = max(start, _seconds(result.result_end_offset))
        yield SpokenSegment(each.transcript.strip(), start, end)


def _turns(words: Iterable[SpokenWord]) -> Iterator[SpokenSegment]:
    """What one speaker says without another between is a segment."""
    for speaker, said in groupby(words, key=lambda word: word.speaker):
        every = list(said)
        yield SpokenSegment(" ".join(word.text for word in every), every[0].start, every[-1].end, speaker)


def _seconds(duration: str) -> float:
    """Read a protobuf Duration, e.g. ``1.500s``. Raises BridgeError for what is none."""
    if not _DURATION.match(duration):
        raise BridgeError("the transcription tells a time that is none", code="protocol_error")
    return float(duration[:-1])
