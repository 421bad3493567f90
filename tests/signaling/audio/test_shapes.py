from __future__ import annotations

import json
from dataclasses import replace

import pytest
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionTextSegmentEvent,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)

from mediaserver.items import Usage
from mediaserver.speech import FileTranscript, SpokenSegment, SpokenWord
from signaling.audio.shapes import Told, body, delta_event, done_event, lettered, segment_event

SAID = FileTranscript(
    "Hello there. Yes?",
    language="en",
    words=(SpokenWord("Hello", 0.1, 0.5), SpokenWord("there.", 0.5, 0.9)),
    segments=(SpokenSegment("Hello there.", 0.1, 0.9, "spk_7"), SpokenSegment("Yes?", 1.0, 1.3, "spk_2")),
)
TOKENS = Usage(input_tokens=14, input_audio_tokens=14, output_tokens=5)


def test_json_is_the_sdks() -> None:
    said = json.loads(body(Told(SAID, 8.47), "json")[0])
    assert Transcription.model_validate(said, strict=True).text == SAID.text
    assert said["usage"] == {"type": "duration", "seconds": 9} and "languages" not in said
    said = json.loads(body(Told(replace(SAID, usage=TOKENS), 8.47, languages=True), "json")[0])
    Transcription.model_validate(said, strict=True)
    assert said["usage"]["total_tokens"] == 19 and said["languages"] == [{"code": "en"}]


def test_verbose_json_is_the_sdks() -> None:
    said = json.loads(body(Told(SAID, 8.47, words=True, temperature=0.2), "verbose_json")[0])
    whole = TranscriptionVerbose.model_validate(said, strict=True)
    assert whole.language == "english" and whole.duration == 8.47 and whole.words and whole.segments
    assert [each.text for each in whole.segments] == [" Hello there.", " Yes?"]
    assert whole.segments[0].temperature == 0.2 and whole.segments[1].start == 1.0
    only_words = json.loads(body(Told(SAID, 8.47, words=True, segments=False), "verbose_json")[0])
    assert "segments" not in only_words and len(only_words["words"]) == 2


def test_diarized_json_is_the_sdks_and_names_speakers_by_letters() -> None:
    said = json.loads(body(Told(SAID, 8.47), "diarized_json")[0])
    whole = TranscriptionDiarized.model_validate(said, strict=True)
    assert [each.speaker for each in whole.segments] == ["A", "B"] and whole.segments[0].id == "seg_001"


def test_many_speakers_have_letters_too() -> None:
    segments = tuple(SpokenSegment("x", n, n + 1, str(n)) for n in range(28))
    names = [each.speaker for each in lettered(FileTranscript("x", segments=segments)).segments]
    assert names[25:] == ["Z", "A1", "B1"]


def test_translations() -> None:
    told = Told(SAID, 8.47, task="translate")
    assert json.loads(body(told, "json")[0]) == {"text": SAID.text}
    Translation.model_validate_json(body(told, "json")[0], strict=True)
    assert TranslationVerbose.model_validate_json(body(told, "verbose_json")[0], strict=True).language == "english"


@pytest.mark.parametrize(
    ("form", "kind", "start"),
    [
        ("text", "text/plain", "Hello there. Yes?\n"),
        ("srt", "text/plain", "1\n00:00:00,100"),
        ("vtt", "text/vtt", "WEBVTT\n"),
    ],
)
def test_texts(form: str, kind: str, start: str) -> None:
    text, content_type = body(Told(SAID, 8.47), form)
    assert text.startswith(start) and content_type == kind


def test_events_are_the_sdks() -> None:
    TranscriptionTextDeltaEvent.model_validate(delta_event(" see"), strict=True)
    TranscriptionTextSegmentEvent.model_validate(segment_event(1, SAID.segments[0]), strict=True)
    done = done_event(Told(replace(SAID, usage=TOKENS), 8.47))
    assert TranscriptionTextDoneEvent.model_validate(done, strict=True).usage is not None
    assert "usage" not in done_event(Told(SAID, 8.47))
