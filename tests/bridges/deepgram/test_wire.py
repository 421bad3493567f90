import json

import pytest

from bridges.codec import Garbled
from bridges.deepgram import wire
from tests.bridges.deepgram import sdk
from tests.servers.provider import GARBAGE


@pytest.mark.parametrize(
    "text",
    [
        *(GARBAGE[name] for name in ("bad_json", "array", "wrong_types", "empty", "deep", "surrogate")),
        "{}",
        '{"type": "Error"}',
        '{"type": "ConversationText", "role": "user"}',
        '{"type": "ConversationText", "role": "user", "content": 7}',
        '{"type": "FunctionCallRequest", "functions": [{"id": "f", "name": "n", "arguments": {}, "client_side": true}]}',
        '{"type": "FunctionCallRequest", "functions": ' + json.dumps([{}] * 65) + "}",
    ],
)
def test_nonsense_is_garbled_and_never_repeated(text: str) -> None:
    with pytest.raises(Garbled) as refused:
        wire.read(text)
    assert refused.value.message == "a text message that is none of the Voice Agent's"


def test_a_type_that_is_not_known_has_no_struct() -> None:
    assert wire.read('{"type": "FrustrationDetected", "more": [1]}') == ("FrustrationDetected", None)


def test_fields_that_are_not_used_do_no_harm() -> None:
    name, read = wire.read('{"type": "Error", "code": "X", "description": "d", "new": {"deep": [1, 2]}}')
    assert (name, read.code) == ("Error", "X")


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (wire.KeepAlive(), {"type": "KeepAlive"}),
        (wire.ForceEndTurn(), {"type": "ForceEndTurn"}),
        (wire.UpdatePrompt("p"), {"type": "UpdatePrompt", "prompt": "p"}),
        (wire.InjectUserMessage("h"), {"type": "InjectUserMessage", "content": "h"}),
        (
            wire.FunctionCallResponse("f1", "get_time", "14:05"),
            {"type": "FunctionCallResponse", "id": "f1", "name": "get_time", "content": "14:05"},
        ),
    ],
)
def test_what_we_send_is_what_the_sdk_would(message: wire.Out, written: dict[str, object]) -> None:
    assert json.loads(wire.write(message)) == written
    sdk.check_sent(written)
