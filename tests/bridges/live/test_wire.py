import base64
import json

import pytest

from bridges.codec import Garbled
from bridges.live import wire
from tests.bridges.live import sdk
from tests.servers.provider import GARBAGE


@pytest.mark.parametrize(
    "text",
    [
        *(GARBAGE[name] for name in ("bad_json", "array", "wrong_types", "empty", "deep", "surrogate")),
        "{}",
        '{"type": "session.output_audio.delta"}',
        '{"type": "session.input_transcript.delta", "delta": "x", "start_ms": "soon", "end_ms": 2}',
        '{"type": "session.usage.updated", "usage": {"seconds": ' + "9" * 5000 + "}}",
        '{"type": "response.event", "event": {"type": "response.completed", "response": []}}',
    ],
)
def test_nonsense_is_garbled_and_never_repeated(text: str) -> None:
    with pytest.raises(Garbled) as refused:
        wire.read(text)
    assert refused.value.message == "a text message that is no event of GPT-Live's"


def test_a_type_that_is_not_known_has_no_struct() -> None:
    assert wire.read('{"type": "decision.event", "event": {}}') == ("decision.event", None)


@pytest.mark.parametrize("delta", ["*", "AAA", "AA==", "AAAA\n"])
def test_sound_that_cannot_be_is_garbled(delta: str) -> None:
    with pytest.raises(Garbled):
        wire.sound(delta)


def test_sound_comes_and_goes_in_base64() -> None:
    event = json.loads(wire.append(b"\1\0\2\0"))
    assert event == {"type": "session.input_audio.append", "audio": base64.b64encode(b"\1\0\2\0").decode()}
    sdk.check_sent(event)
    assert wire.sound("AQACAA==") == b"\1\0\2\0"


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (wire.Close(), {"type": "session.close"}),
        (wire.CreateResponse(event_id="e1"), {"type": "response.create", "event_id": "e1"}),
        (
            wire.AppendInstructions(content="c", delegation_id=None),
            {"type": "session.instructions.append", "content": "c", "delegation_id": None},
        ),
        (
            wire.AppendThinking(content="c", delegation_id="del_1"),
            {"type": "session.thinking.append", "content": "c", "delegation_id": "del_1"},
        ),
        (
            wire.AppendCommentary(content="c", delegation_id=None),
            {"type": "session.commentary.append", "content": "c", "delegation_id": None},
        ),
    ],
)
def test_what_we_send_is_what_the_sdk_would(message: wire.Out, written: dict[str, object]) -> None:
    assert json.loads(wire.write(message)) == written
    sdk.check_sent(written)
