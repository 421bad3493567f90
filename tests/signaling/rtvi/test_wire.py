import pytest

from mediaserver.errors import BadRequest
from signaling.realtime.parse import typed
from signaling.rtvi.wire import MAX_BUTTONS, Dtmf, Envelope, SendText, message, signalling


def test_a_message_has_the_protocols_envelope_and_an_answer_the_id_of_what_it_answers() -> None:
    assert message("bot-ready", {"version": "2.1.0"}, "a1") == {
        "label": "rtvi-ai", "type": "bot-ready", "id": "a1", "data": {"version": "2.1.0"},
    }  # fmt: skip
    first, second = message("bot-llm-started"), message("bot-llm-started")
    assert first["id"] and first["id"] != second["id"] and first["data"] is None


def test_signalling_is_no_rtvi_message() -> None:
    assert signalling("peerLeft") == {"type": "signalling", "message": {"type": "peerLeft"}}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Envelope, {"type": "x", "id": "i" * 129}),
        (Envelope, {"id": "1"}),
        (SendText, {"content": ""}),
        (SendText, {"content": 3}),
        (Dtmf, {"buttons": ["1"] * (MAX_BUTTONS + 1)}),
    ],
)
def test_what_is_too_long_or_of_another_type_is_refused(kind: type, value: object) -> None:
    with pytest.raises(BadRequest):
        typed(value, kind)


def test_fields_that_we_do_not_know_are_left_alone() -> None:
    assert typed({"type": "send-text", "id": "1", "label": "rtvi-ai", "new": 1}, Envelope).type == "send-text"
