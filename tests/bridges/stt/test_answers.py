import json
from typing import Any

import pytest

from bridges.stt.answers import Events, whole
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import FileTranscript, SpokenSegment, SpokenWord


def told(**body: Any) -> FileTranscript:
    return whole(json.dumps({"text": "Hi.", **body}).encode())


def test_a_plain_answer() -> None:
    assert told() == FileTranscript("Hi.")
    assert whole(b'{"text": " Hi.\\n"}').text == "Hi."


def test_tokens_and_seconds_are_usage() -> None:
    details = {"text_tokens": 2, "audio_tokens": 12}
    tokens = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "input_token_details": details}
    assert told(usage=tokens).usage == Usage(
        input_tokens=14,
        output_tokens=45,
        input_text_tokens=2,
        input_audio_tokens=12,
        output_text_tokens=45,
        source="provider",
    )
    assert told(usage={"type": "duration", "seconds": 9}).usage == Usage(seconds=9.0, source="provider")
    assert told(usage={}).usage is None and told(usage=None).usage is None


def test_the_language_is_a_code_however_it_is_told() -> None:
    assert told(language="english").language == "en"
    assert told(languages=[{"code": "de"}, {"code": "en"}]).language == "de"
    assert told(languages=[]).language is None


def test_numbers_may_be_text_and_lists_nothing() -> None:
    transcript = told(duration="8.5", words=None, segments=[{"text": " Hi.", "start": "1", "end": "2.5", "id": 0}])
    assert (transcript.duration, transcript.words) == (8.5, ())
    assert transcript.segments == (SpokenSegment("Hi.", 1.0, 2.5),)


def test_times_make_sense() -> None:
    words = [
        {"word": " Hi", "start": -0.02, "end": 0.4, "probability": 0.5},
        {"word": "you", "start": 2, "end": 1, "probability": 7},
    ]
    assert told(words=words).words == (SpokenWord("Hi", 0.0, 0.4, confidence=0.5), SpokenWord("you", 2.0, 2.0))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"text": 7}',
        b'{"text": "x", "words": {}}',
        b'{"text": "x", "duration": 1e400}',
        b'{"text": "x", "duration": "nan"}',
        b'{"text": "x", "duration": "inf"}',
        b'{"text": "x", "words": [{"word": "x", "start": 1e300}]}',
        b'{"text": "x", "usage": {"input_tokens": ' + b"9" * 5000 + b"}}",
        b'{"text": "x", "usage": {"input_tokens": -1}}',
        b'{"text": "\xff"}',
        b'{"text": ' + b"[" * 100_000,
    ],
    ids=lambda body: body[:40],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(BridgeError) as failed:
        whole(body)
    assert failed.value.code == "protocol_error"


def test_events_are_collected_and_those_that_are_news_passed_over() -> None:
    events = Events()
    assert events.take('{"type": "transcript.text.delta", "delta": "Hi"}') == "Hi"
    assert events.take('{"type": "transcript.news", "what": 1}') == ""
    segment = '{"type": "transcript.text.segment", "id": "s", "start": 0, "end": 1, "text": "Hi", "speaker": "A"}'
    assert events.take(segment) == "" and events.take("[DONE]") == "" and events.transcript is None
    assert events.take('{"type": "transcript.text.done", "text": "Hi", "languages": [{"code": "en"}]}') == ""
    assert events.transcript == FileTranscript("Hi", "en", segments=(SpokenSegment("Hi", 0.0, 1.0, "A"),))


@pytest.mark.parametrize("error", [{"message": "overloaded", "code": "server_error"}, "overloaded"])
def test_an_error_in_the_stream_is_a_failure(error: Any) -> None:
    with pytest.raises(BridgeError, match="overloaded") as failed:
        Events().take(json.dumps({"error": error}))
    assert failed.value.code == "provider_error" and failed.value.retryable
