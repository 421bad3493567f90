import json
from typing import Any

import pytest

from bridges.stt import scribe_file as files
from bridges.stt.scribe_file import Token
from bridges.stt.streaming_options import Scribe
from mediaserver.errors import BridgeError
from mediaserver.speech import FileAsk, SoundFile, SpokenSegment
from tests.bridges.stt.talking import file

SOUND = SoundFile(b"ID3", "mp3", 3.0)


def asked(chosen: Scribe, ask: FileAsk) -> dict[str, Any]:
    return dict(files.request(chosen, SOUND, ask).data or {})


def spaced(*words: tuple[str, float, str]) -> list[Token]:
    told: list[Token] = []
    for text, start, speaker in words:
        told += [Token(" ", "spacing", start, start, speaker)] if told else []
        told.append(Token(text, "word", start, start + 0.2, speaker, -0.1))
    return told


def test_what_is_asked() -> None:
    assert asked(Scribe(), FileAsk()) == {
        "model_id": "scribe_v2",
        "file_format": "other",
        "timestamps_granularity": "none",
        "tag_audio_events": "false",
        "diarize": "false",
    }
    told = asked(
        Scribe(keyterms=("Neme",), no_verbatim=True),
        FileAsk(language="de-CH", keywords=("Ulm",), speakers=True, temperature=0.2),
    )
    assert (told["keyterms"], told["language_code"], told["diarize"]) == (["Neme", "Ulm"], "de", "true")
    assert (told["timestamps_granularity"], told["temperature"], told["no_verbatim"]) == ("word", "0.2", "true")
    assert files.request(Scribe(enable_logging=False), SOUND, FileAsk()).params == [("enable_logging", "false")]


def test_plain_samples_go_without_a_header() -> None:
    plain, other = file(1, 1), file(1, 1, rate=8000)
    assert files.pcm16k(plain) == plain.data[44:]
    assert files.pcm16k(other) is None
    assert files.pcm16k(SoundFile(b"RIFF", "wav", 1.0)) is None
    told = files.request(Scribe(), plain, FileAsk())
    assert told.data is not None
    assert told.data["file_format"] == "pcm_s16le_16"
    assert told.files == [("file", ("speech.pcm", plain.data[44:], "application/octet-stream"))]


def test_what_is_read() -> None:
    words = [
        {"text": "Hi", "type": "word", "start": 0.1, "end": 0.3, "logprob": -0.1},
        {"text": " ", "type": "spacing", "logprob": 0},
        {"text": "(laughs)", "type": "audio_event", "start": 0.5, "end": 0.9, "logprob": 0},
    ]
    body = json.dumps({"language_code": "deu", "text": "Hi (laughs)", "words": words, "audio_duration_secs": 1.5})
    told = files.read(body.encode(), SOUND, FileAsk(words=True, segments=True))
    assert (told.text, told.language, told.duration) == ("Hi (laughs)", "de", 1.5)
    assert [(word.text, round(word.confidence or 0, 2)) for word in told.words] == [("Hi", 0.9)]
    assert told.segments == (SpokenSegment("Hi (laughs)", 0.1, 0.9),)
    assert files.read(body.encode(), SOUND, FileAsk()).words == ()


def test_segments_end_with_sentences_pauses_and_speakers() -> None:
    tokens = spaced(
        ("Yes.", 0.0, "a"),
        ("And", 0.3, "a"),
        ("then", 0.6, "a"),
        ("later", 2.0, "a"),
        ("no", 2.3, "b"),
        ("way!", 2.6, "b"),
    )
    assert [(each.text, each.start, each.speaker) for each in files.segments(tokens)] == [
        ("Yes.", 0.0, "a"),
        ("And then", 0.3, "a"),
        ("later", 2.0, "a"),
        ("no way!", 2.3, "b"),
    ]
    assert list(files.segments([])) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"text":7}', b"\xff"])
def test_an_answer_that_is_none(body: bytes) -> None:
    with pytest.raises(BridgeError) as raised:
        files.read(body, SOUND, FileAsk())
    assert raised.value.code == "protocol_error"


def test_errors() -> None:
    assert files.said(b'{"detail":{"status":"quota_exceeded","message":"no"}}') == ("quota_exceeded", "no")
    assert files.said(b'{"detail":[{"loc":["x"],"msg":"y","type":"z"}]}') == ("", "")
