from __future__ import annotations

from typing import Any

import pytest

from mediaserver.errors import BadRequest
from mediaserver.speech import FileAsk
from signaling.audio.asked import TRANSLATE, Wanted, fitted, read_wanted
from signaling.audio.form import Fields

ALL: Any = frozenset(
    {"translate", "words", "segments", "speakers", "stream", "prompt", "temperature", "language", "keywords"}
)


def wanted(*pairs: tuple[str, str], **more: Any) -> Wanted:
    return read_wanted(Fields(pairs), **more)


def test_the_least() -> None:
    assert wanted() == Wanted("")
    assert wanted(("model", "local"), deployment="stt").model == "stt"


def test_all_that_the_sdk_sends() -> None:
    said = wanted(
        ("model", "whisper-1"),
        ("chunking_strategy[type]", "server_vad"),
        ("chunking_strategy[threshold]", "0.5"),
        ("keywords[]", "Neme"),
        ("language", "en"),
        ("prompt", "a talk"),
        ("response_format", "verbose_json"),
        ("temperature", "0.2"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("stream", "false"),
    )
    assert said == Wanted(
        "whisper-1", "verbose_json", language="en", prompt="a talk", temperature=0.2, keywords=("Neme",), words=True,
        segments=True,
    )  # fmt: skip


def test_verbose_json_has_segments_unless_only_words_are_asked_for() -> None:
    assert wanted(("response_format", "verbose_json")).segments
    only = wanted(("response_format", "verbose_json"), ("timestamp_granularities[]", "word"))
    assert only.words and not only.segments


def test_one_of_several_languages_is_a_language() -> None:
    said = wanted(("languages[]", "de"))
    assert said.language == "de" and said.languages


@pytest.mark.parametrize(
    ("pairs", "param"),
    [
        ([("response_format", "docx")], "response_format"),
        ([("timestamp_granularities[]", "word")], "timestamp_granularities"),
        ([("timestamp_granularities[]", "letter"), ("response_format", "verbose_json")], "timestamp_granularities"),
        ([("include[]", "logprobs")], "include"),
        ([("stream", "true"), ("response_format", "srt")], "stream"),
        ([("temperature", "1.1")], "temperature"),
        ([("language", "English please")], "language"),
        ([("language", "en"), ("languages[]", "de")], "languages"),
        ([("languages[]", "en"), ("languages[]", "de")], "languages"),
        ([("chunking_strategy", "never")], "chunking_strategy"),
        ([("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "2")], "chunking_strategy"),
        ([("chunking_strategy[type]", "server_vad"), ("chunking_strategy[x]", "2")], "chunking_strategy"),
        ([("no_such_field", "1")], "no_such_field"),
    ],
)
def test_what_cannot_be_is_refused(pairs: list[tuple[str, str]], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wanted(*pairs)
    assert refused.value.param == param


@pytest.mark.parametrize("pair", [("stream", "true"), ("language", "en"), ("response_format", "diarized_json")])
def test_translations_know_fewer_fields(pair: tuple[str, str]) -> None:
    with pytest.raises(BadRequest) as refused:
        wanted(pair, task=TRANSLATE)
    assert refused.value.param == pair[0]


@pytest.mark.parametrize(
    ("feature", "asked", "param"),
    [
        ("translate", Wanted("m", task=TRANSLATE), "model"),
        ("speakers", Wanted("m", "diarized_json"), "response_format"),
        ("words", Wanted("m", "verbose_json", words=True), "timestamp_granularities"),
        ("language", Wanted("m", language="en"), "language"),
        ("prompt", Wanted("m", prompt="x"), "prompt"),
        ("keywords", Wanted("m", keywords=("x",)), "keywords"),
        ("temperature", Wanted("m", temperature=0.5), "temperature"),
    ],
)
def test_what_the_engine_lacks_is_refused_with_a_way_out(feature: str, asked: Wanted, param: str) -> None:
    fitted(asked, ALL, "far")
    with pytest.raises(BadRequest, match=r"'far' has no engine that .+; .+") as refused:
        fitted(asked, ALL - {feature}, "far")
    assert (refused.value.param, refused.value.code) == (param, "unsupported_by_model")


def test_temperature_0_is_what_every_engine_does() -> None:
    assert fitted(Wanted("m", temperature=0.0), set(), "m").ask == FileAsk()


def test_segments_come_from_the_engine_or_its_words_or_from_pauses() -> None:
    cued = Wanted("m", "srt")
    assert fitted(cued, ALL, "m").ask == FileAsk(segments=True)
    assert fitted(cued, {"words"}, "m").ask == FileAsk(words=True)
    assert fitted(cued, set(), "m") == fitted(Wanted("m", "vtt"), set(), "m")
    assert fitted(cued, set(), "m").by_pauses and not fitted(Wanted("m"), set(), "m").by_pauses
