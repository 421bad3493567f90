import json
from typing import Any

import msgspec
import pytest

from bridges.arguments import MAX_ARGUMENTS
from bridges.codec import Garbled
from bridges.ultravox import wire
from tests.servers.ultravox_calls import MESSAGES


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (wire.UserText("hi", "later"), {"type": "user_text_message", "text": "hi", "urgency": "later"}),
        (wire.SetOutputMedium("voice"), {"type": "set_output_medium", "medium": "voice"}),
        (
            wire.result("inv_1", "14:05", error=False),
            {"type": "client_tool_result", "invocationId": "inv_1", "result": "14:05", "responseType": "tool-response"},
        ),
        (
            wire.result("inv_1", "no such zone", error=True),
            {
                "type": "client_tool_result",
                "invocationId": "inv_1",
                "errorType": "implementation-error",
                "errorMessage": "no such zone",
            },
        ),
        (wire.HangUp(), {"type": "hang_up"}),
    ],
)
def test_what_is_sent_has_the_documented_form(message: wire.Out, expected: dict[str, Any]) -> None:
    text = wire.write(message)
    assert json.loads(text) == expected
    msgspec.json.decode(text, type=MESSAGES)  # the strict reader of the simulator takes it


@pytest.mark.parametrize(
    "documented",
    [
        '{"type":"call_started","callId":"c0ffee00-0000-0000-0000-000000000000"}',
        '{"type":"state","state":"listening"}',
        '{"type":"transcript","role":"user","medium":"voice","text":"What time is it?","final":true,"ordinal":0}',
        '{"type":"client_tool_invocation","toolName":"get_time","invocationId":"inv_1","parameters":{"zone":"x"}}',
        '{"type":"transcript","role":"agent","medium":"voice","delta":"It is ","final":false,"ordinal":1}',
        '{"type":"playback_clear_buffer"}',
        '{"type":"user_started_speaking","anything":{"more":1}}',
        '{"type":"debug","message":"m"}',
        '{"type":"pong","timestamp":1.5}',
    ],
)
def test_reads_the_documented_samples(documented: str) -> None:
    name, body = wire.read(documented)
    assert name == json.loads(documented)["type"]
    assert body is not None


def test_arguments_are_an_object_within_bounds() -> None:
    call = '{"type":"client_tool_invocation","toolName":"t","invocationId":"c","parameters":%s}'
    assert wire.read(call % ' {"n": 123456789012345678901234567890} ')[1].arguments.startswith('{"n": 1')
    for wrong in ("7", "null", '{"a":"' + "b" * MAX_ARGUMENTS + '"}'):
        with pytest.raises(Garbled):
            _ = wire.read(call % wrong)[1].arguments
