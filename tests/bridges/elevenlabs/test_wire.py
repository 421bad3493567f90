import json

import pytest

from bridges.arguments import MAX_ARGUMENTS
from bridges.codec import Garbled
from bridges.elevenlabs import wire
from tests.bridges.elevenlabs import sdk


@pytest.mark.parametrize(
    "message",
    [
        wire.UserAudio(b"\0\0"),
        wire.Initiation({"agent": {"prompt": {"prompt": "Be brief."}}, "tts": {"voice_id": "v"}}, {"a": 1}, {"b": 2}),
        wire.Initiation(),
        wire.Pong(0),
        wire.ToolResult("c", "five", False),
        wire.ContextualUpdate("text"),
        wire.UserMessage("text"),
    ],
)
def test_what_is_sent_is_what_the_sdk_sends(message: wire.Out | wire.UserAudio) -> None:
    sdk.check_sent(json.loads(wire.write(message)))


def test_every_named_event_is_read_or_left_alone_on_purpose() -> None:
    unread = {"client_error", "dtmf_request", "internal_turn_probability", "internal_tentative_agent_response"}
    for name in sdk.RECEIVED - unread:
        assert name in wire._READ
    for name in unread:
        assert wire.read(json.dumps({"type": name})) == (name, None)


def test_arguments_are_an_object_within_bounds() -> None:
    call = '{"type":"client_tool_call","client_tool_call":{"tool_name":"t","tool_call_id":"c","parameters":%s}}'
    assert wire.read(call % ' {"n": 123456789012345678901234567890} ')[1].client_tool_call.arguments.startswith(
        '{"n": 1'
    )
    for wrong in ("7", '"x"', "null", '{"a":"' + "b" * MAX_ARGUMENTS + '"}'):
        with pytest.raises(Garbled):
            _ = wire.read(call % wrong)[1].client_tool_call.arguments
