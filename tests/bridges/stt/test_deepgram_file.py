import json
from typing import Any

import pytest

from bridges.stt import deepgram_file as files
from bridges.stt.streaming_options import Deepgram
from mediaserver.errors import BridgeError
from mediaserver.speech import FileAsk, SoundFile, SpokenSegment, SpokenWord

SOUND = SoundFile(b"ID3", "mp3", 3.0)
ALL = FileAsk(words=True, segments=True, speakers=True)


def asked(chosen: Deepgram, ask: FileAsk) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    params = files.request(chosen, SOUND, ask).params
    assert isinstance(params, list)
    for name, value in params:
        told.setdefault(name, []).append(value)
    return told


def answer(**more: Any) -> bytes:
    word = {"word": "hi", "punctuated_word": "Hi,", "start": 0.1, "end": 0.3, "confidence": 0.9, "speaker": 1}
    channel = {"alternatives": [{"transcript": "Hi, there.", "words": [word]}], "detected_language": "en-US"}
    utterance = {"transcript": "Hi, there.", "start": 0.1, "end": 0.9, "speaker": 1}
    return json.dumps(
        {"metadata": {"duration": 2.5}, "results": {"channels": [channel], "utterances": [utterance], **more}}
    ).encode()


def test_what_is_asked() -> None:
    told = asked(Deepgram(keyterms=("Neme",)), FileAsk(language="de", keywords=("Ulm",), segments=True))
    assert told == {
        "model": ["nova-3"],
        "smart_format": ["true"],
        "language": ["de"],
        "utterances": ["true"],
        "keyterm": ["Neme", "Ulm"],
    }
    told = asked(Deepgram(model="nova-2", mip_opt_out=True), FileAsk(keywords=("Ulm",), speakers=True))
    assert (told["keywords"], told["diarize_model"], told["mip_opt_out"]) == (["Ulm"], ["latest"], ["true"])
    assert told["detect_language"] == ["true"]
    assert asked(Deepgram(model="flux-general-en"), FileAsk())["model"] == ["nova-3"]
    assert files.request(Deepgram(), SOUND, FileAsk()).headers == {"Content-Type": "audio/mpeg"}


def test_what_is_read() -> None:
    told = files.read(answer(), SOUND, ALL)
    assert (told.text, told.language, told.duration) == ("Hi, there.", "en", 2.5)
    assert told.words == (SpokenWord("Hi,", 0.1, 0.3, "speaker_1", 0.9),)
    assert told.segments == (SpokenSegment("Hi, there.", 0.1, 0.9, "speaker_1"),)
    assert told.usage is not None
    assert (told.usage.seconds, told.usage.source) == (2.5, "provider")


def test_times_come_only_when_they_were_asked_for() -> None:
    told = files.read(answer(), SOUND, FileAsk())
    assert (told.words, told.segments) == ((), ())


def test_an_answer_with_next_to_nothing() -> None:
    told = files.read(b'{"results":{"channels":[{"alternatives":[]}]}}', SOUND, FileAsk(language="de-CH"))
    assert (told.text, told.language, told.duration) == ("", "de", 3.0)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"results":{"channels":[]}}', b'{"request_id":"x"}', b"\xff"])
def test_an_answer_that_is_none(body: bytes) -> None:
    with pytest.raises(BridgeError) as raised:
        files.read(body, SOUND, ALL)
    assert raised.value.code == "protocol_error"


def test_errors_of_both_shapes() -> None:
    assert files.said(b'{"err_code":"INVALID_AUTH","err_msg":"no"}') == ("INVALID_AUTH", "no")
    assert files.said(b'{"category":"INVALID_QUERY","message":"bad"}') == ("INVALID_QUERY", "bad")
    assert files.said(b"Gateway timeout") == ("", "")
