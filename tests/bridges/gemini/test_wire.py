import json

import pytest

from bridges.arguments import MAX_ARGUMENTS
from bridges.codec import Garbled
from bridges.gemini.wire import read, seconds, sounds, write


def spoken(data: str, mime: str = "audio/pcm;rate=24000") -> str:
    part = {"inlineData": {"mimeType": mime, "data": data}}
    return json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}})


def test_json_is_read_from_text_and_from_bytes() -> None:
    for message in (spoken("AQA="), spoken("AQA=").encode()):
        told, unknown = read(message)
        assert [each.data for each in sounds(told)] == [b"\1\0"]
        assert not unknown


def test_what_is_not_known_is_named() -> None:
    told, unknown = read('{"newThing":{},"serverContent":{"groundingMetadata":{},"turnComplete":true}}')
    assert unknown == {"newThing"}
    assert told.server_content is not None
    assert told.server_content.turn_complete


@pytest.mark.parametrize(
    "message",
    [
        *("", "[]", "7", '{"serverContent":7}', '{"goAway":{"timeLeft":9}}', b"\xff\xfe"),
        *(spoken("AAAA"), spoken("*?"), spoken("AQA=", "audio/pcm;rate=16000"), spoken("AQA=", "video/mp4")),
        *('{"toolCall":{"functionCalls":[{}]}}', '{"toolCall":{"functionCalls":[{"name":"f","args":"x"}]}}'),
        '{"toolCall":{"functionCalls":[{"name":"f","args":{"a":"' + "x" * MAX_ARGUMENTS + '"}}]}}',
        '{"usageMetadata":{"promptTokenCount":-1}}',
        '{"usageMetadata":{"promptTokenCount":' + "9" * 400 + "}}",
        '{"serverContent":' + '{"modelTurn":' * 5000 + "}" * 5001,
    ],
    ids=range(16),
)
def test_nonsense_is_garbled(message: str | bytes) -> None:
    with pytest.raises(Garbled):
        read(message)


def test_arguments_stay_as_they_were_told() -> None:
    told, _ = read('{"toolCall":{"functionCalls":[{"name":"f","args":{"n": 12345678901234567890123}}]}}')
    assert told.tool_call is not None
    assert told.tool_call.function_calls[0].arguments == '{"n": 12345678901234567890123}'


@pytest.mark.parametrize(
    ("told", "value"),
    [("9.5s", 9.5), ("60s", 60.0), ("", 0.0), ("soon", 0.0), ("-3s", 0.0), ("infs", 0.0), ("nan", 0.0)],
)
def test_durations(told: str, value: float) -> None:
    assert seconds(told) == value


def test_what_is_sent_is_json() -> None:
    assert json.loads(write({"realtimeInput": {"text": "ü"}})) == {"realtimeInput": {"text": "ü"}}
