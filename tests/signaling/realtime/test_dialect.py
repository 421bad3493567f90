import json
from typing import Any

import pytest

from mediaserver.commands import Command, CommitInput
from mediaserver.errors import Hangup
from mediaserver.events import Heard, SessionCreated, SpeechStarted
from mediaserver.settings import Settings
from signaling.realtime import extension
from signaling.realtime.dialect import LABEL, MAX_KEPT, RealtimeDialect
from signaling.realtime.effective import Effective

CREATED = SessionCreated("sess_1", Settings("local"))


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.refused: list[tuple[str, str | None, str | None]] = []

    def ask(self, command: Command) -> None:
        self.asked.append(command)

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        self.refused.append((code, event_id, param))

    def hear(self, pcm: bytes, at: float) -> None:
        raise NotImplementedError

    def note(self, event: object) -> None:
        raise NotImplementedError


def make() -> tuple[RealtimeDialect, list[dict[str, Any]], list[dict[str, Any]]]:
    return RealtimeDialect(Effective(Settings("local")), "rtc_1", clock=lambda: 1.0), [], []


def into(sent: list[dict[str, Any]]) -> Any:
    return lambda text: sent.append(json.loads(text))


def test_what_is_said_before_the_channel_is_open_is_kept_in_order() -> None:
    dialect, sent, _ = make()
    dialect.tell(SpeechStarted("item_1", 20))
    dialect.tell(CREATED)
    dialect.opened(LABEL, into(sent))
    dialect.tell(SpeechStarted("item_2", 40))
    assert sent[0]["type"] == "session.created"
    assert [message.get("item_id") for message in sent][1:] == ["item_1", "item_2"]


def test_for_a_caller_who_offered_no_channel_nothing_is_kept() -> None:
    dialect, sent = RealtimeDialect(Effective(Settings("local")), "rtc_1", channels=False), []
    dialect.tell(CREATED)
    dialect.tell(SpeechStarted("item_1", 20))
    dialect.opened(LABEL, into(sent))
    assert [message["type"] for message in sent] == ["session.created"]


def test_a_caller_whose_channel_never_opens_costs_a_bounded_memory() -> None:
    dialect, sent, _ = make()
    dialect.tell(CREATED)
    for number in range(2 * MAX_KEPT):
        dialect.tell(SpeechStarted(f"item_{number}", 20))
    dialect.opened(LABEL, into(sent))
    assert len(sent) == MAX_KEPT + 1
    assert sent[0]["type"] == "session.created" and sent[-1]["item_id"] == f"item_{2 * MAX_KEPT - 1}"


def test_commands_reach_the_listener_and_the_rest_is_refused_through_it() -> None:
    dialect, _, _ = make()
    ear = Ear()
    dialect.attach(ear)
    dialect.received(LABEL, '{"type": "input_audio_buffer.commit", "event_id": "e"}')
    dialect.received(LABEL, '{"type": "session.update", "event_id": "f", "session": {"x": 1}}')
    dialect.received(LABEL, b"\x00\x01")
    assert ear.asked == [CommitInput(event_id="e")]
    assert ear.refused == [("unknown_parameter", "f", "session.x"), ("invalid_json", None, None)]


def test_without_a_listener_the_refusal_is_sent_at_once() -> None:
    dialect, sent, _ = make()
    dialect.opened(LABEL, into(sent))
    dialect.received(LABEL, '{"type": "x", "event_id": "e"}')
    assert sent[0]["type"] == "error" and sent[0]["error"]["event_id"] == "e"


def test_the_extension_channel_greets_once_the_session_is_known() -> None:
    dialect, sent, extra = make()
    dialect.opened(extension.LABEL, into(extra))
    assert extra == []
    dialect.tell(CREATED)
    dialect.tell(Heard("item_1", 20, "a", "b"))
    dialect.received(extension.LABEL, '{"type": "ping", "t0": 3}')
    assert [message["type"] for message in extra] == ["hello", "heard", "pong"]
    assert extra[0]["call_id"] == "rtc_1" and extra[0]["session_id"] == "sess_1"
    assert sent == []


def test_other_channels_are_left_alone() -> None:
    dialect, sent, _ = make()
    dialect.opened("chat", into(sent))
    dialect.received("chat", "hello")
    dialect.closed("chat")
    dialect.tell(CREATED)
    assert sent == []


def test_after_the_channel_closed_nothing_is_sent_to_it() -> None:
    dialect, sent, extra = make()
    dialect.opened(LABEL, into(sent))
    dialect.opened(extension.LABEL, into(extra))
    dialect.tell(CREATED)
    dialect.closed(LABEL)
    dialect.closed(extension.LABEL)
    dialect.tell(SpeechStarted("item_1", 20))
    assert len(sent) == 1 and len(extra) == 1


def test_a_far_end_that_does_not_keep_up_ends_the_call() -> None:
    dialect, _, _ = make()

    def full(text: str) -> None:
        raise Hangup("connection_lost")

    dialect.tell(CREATED)
    with pytest.raises(Hangup):
        dialect.opened(LABEL, full)
