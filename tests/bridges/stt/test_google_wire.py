import json
from typing import Any

import pytest

from bridges.stt.google_wire import TAGS, answer, question, tag
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import FileAsk, FileTranscript, SoundFile, SpokenSegment


def told(*results: dict[str, Any], ask: FileAsk | None = None, **rest: Any) -> FileTranscript:
    return answer(json.dumps({"results": results, **rest}).encode(), ask or FileAsk())


def result(text: str, **rest: Any) -> dict[str, Any]:
    return {"alternatives": [{"transcript": text}], **rest}


@pytest.mark.parametrize(
    ("language", "known"),
    [
        ("en", "en-US"),
        ("EN", "en-US"),
        ("en-GB", "en-GB"),
        ("zh", "cmn-Hans-CN"),
        ("cy", "cy"),
        ("", "auto"),
        (None, "auto"),
    ],
)
def test_a_language_has_its_region(language: str | None, known: str) -> None:
    assert tag(language) == known


def test_every_language_has_a_region() -> None:
    assert all(len(code) in (2, 3) and "-" in each for code, each in TAGS.items())


def test_only_what_is_wanted_is_asked() -> None:
    sound = SoundFile(b"abc", "flac", 1.0)
    assert question(sound, FileAsk(), "long") == {
        "config": {
            "autoDecodingConfig": {},
            "model": "long",
            "languageCodes": ["auto"],
            "features": {"enableAutomaticPunctuation": True},
        },
        "content": "YWJj",
    }
    features = question(sound, FileAsk(speakers=True), "long")["config"]["features"]
    assert features["diarizationConfig"] == {} and features["enableWordTimeOffsets"] is True


def test_results_are_joined() -> None:
    transcript = told(result("Hello ", languageCode="de-de"), {"alternatives": []}, result(""), result(" there."))
    assert transcript == FileTranscript("Hello there.", "de")
    assert told() == FileTranscript("") and answer(b"{}", FileAsk()) == FileTranscript("")


def test_a_segment_begins_where_the_one_before_ends() -> None:
    ask = FileAsk(segments=True)
    transcript = told(result("One.", resultEndOffset="1.5s"), result("Two.", resultEndOffset="3s"), ask=ask)
    assert transcript.segments == (SpokenSegment("One.", 0.0, 1.5), SpokenSegment("Two.", 1.5, 3.0))


def test_what_is_billed_is_usage() -> None:
    assert told(metadata={"totalBilledDuration": "15s"}).usage == Usage(seconds=15.0, source="provider")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"results": 7}',
        b'{"results": [{"alternatives": [{"transcript": null}]}]}',
        b'{"metadata": {"totalBilledDuration": "soon"}}',
        b'{"metadata": {"totalBilledDuration": "-1s"}}',
        b'{"metadata": {"totalBilledDuration": "' + b"9" * 400 + b's"}}',
        b'{"results": ' + b"[" * 100_000,
        b'{"results": [{"alternatives": [{"transcript": "\xff"}]}]}',
    ],
    ids=lambda body: body[:40],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(BridgeError) as failed:
        answer(body, FileAsk())
    assert failed.value.code == "protocol_error"
