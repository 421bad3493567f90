from __future__ import annotations

import json
from typing import Any

import pytest

from mediaserver.commands import Command, CreateResponse
from mediaserver.errors import Forbidden, Hangup
from mediaserver.events import DigitPressed, Problem, ResponseCreated, ResponseDone, SpeechStarted, ToolCalled
from mediaserver.settings import Settings
from signaling.rtvi.codec import RtviCodec
from signaling.rtvi.dialect import LABEL, MAX_KEPT, RtviDialect


class Ear:
    """A listener that remembers, and refuses the kinds of command that it is told to."""

    def __init__(self, dialect: RtviDialect) -> None:
        self.asked: list[Command] = []
        self.noted: list[object] = []
        self.refuses = ""
        self._dialect = dialect

    def ask(self, command: Command) -> None:
        self.asked.append(command)
        if type(command).__name__ == self.refuses:
            self.refuse("not now", "busy", command.event_id)

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        self._dialect.tell(Problem(message, code, param=param, client_event_id=event_id))

    def note(self, event: object) -> None:
        self.noted.append(event)

    def hear(self, pcm: bytes, at: float) -> None:
        raise NotImplementedError


class Chat:
    """A dialect, who listens to it, and what came out of its channel."""

    def __init__(self, permit: Any = lambda settings: None) -> None:
        self.dialect = RtviDialect(RtviCodec(Settings("local"), wall=lambda: 0.0), permit)
        self.ear = Ear(self.dialect)
        self.dialect.attach(self.ear)
        self.sent: list[dict[str, Any]] = []

    def open(self) -> None:
        self.dialect.opened(LABEL, lambda text: self.sent.append(json.loads(text)))

    def say(self, kind: str, data: Any = None, name: str = "m1") -> None:
        self.dialect.received(LABEL, json.dumps({"label": "rtvi-ai", "type": kind, "id": name, "data": data}))

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.sent]


def test_a_client_says_that_it_is_ready() -> None:
    chat = Chat()
    chat.open()
    chat.dialect.received(LABEL, "ping: 1")
    chat.say("client-ready", {"version": "2.1.0"}, "abc")
    assert [(message["type"], message["id"]) for message in chat.sent] == [("bot-ready", "abc")]


def test_what_is_told_while_no_channel_is_open_is_kept_in_order_and_bounded() -> None:
    chat = Chat()
    chat.open()
    chat.dialect.closed(LABEL)
    for number in range(MAX_KEPT + 5):
        chat.dialect.tell(Problem(str(number)))
    assert chat.sent == []
    chat.open()
    assert len(chat.sent) == MAX_KEPT and chat.sent[-1]["data"]["error"] == str(MAX_KEPT + 4)


def test_other_channels_are_left_alone() -> None:
    chat = Chat()
    chat.dialect.opened("oai-events", lambda text: chat.sent.append({}))
    chat.dialect.received("oai-events", "garbage")
    chat.open()
    chat.dialect.closed("oai-events")
    chat.dialect.tell(SpeechStarted("i", 0))
    assert chat.kinds == ["user-started-speaking"] and chat.ear.asked == []


def test_a_request_is_answered_once_it_was_not_refused() -> None:
    chat = Chat()
    chat.open()
    chat.say("client-message", {"t": "input.clear"}, "m1")
    chat.ear.refuses = "CommitInput"
    chat.say("client-message", {"t": "input.commit"}, "m2")
    assert [(m["type"], m["id"]) for m in chat.sent] == [("server-response", "m1"), ("error-response", "m2")]


def test_what_follows_a_refused_command_is_not_asked() -> None:
    chat = Chat()
    chat.open()
    chat.ear.refuses = "CreateItem"
    chat.say("send-text", {"content": "x"})
    assert [type(command).__name__ for command in chat.ear.asked] == ["ClearOutput", "CreateItem"]
    assert chat.kinds == ["error-response"]


def test_settings_beyond_the_key_are_refused() -> None:
    def permit(settings: Settings) -> None:
        raise Forbidden("this key may not", code="voice_not_allowed", param="voice")

    chat = Chat(permit)
    chat.open()
    chat.say("client-message", {"t": "session.update", "d": {"instructions": "x"}})
    assert chat.kinds == ["error-response"] and chat.ear.asked == []


def test_keys_are_noted_and_garbage_is_refused() -> None:
    chat = Chat()
    chat.open()
    chat.say("dtmf", {"buttons": ["5"]})
    assert chat.ear.noted == [DigitPressed("5", 100)]
    chat.say("nonsense")
    chat.dialect.received(LABEL, b"\xff")
    assert chat.kinds == ["error-response", "error"]


def test_the_model_is_asked_to_go_on_after_a_function() -> None:
    chat = Chat()
    chat.dialect.tell(ResponseCreated("r1"))
    chat.dialect.tell(ToolCalled("r1", "i", "c1", "f", "{}"))
    chat.say("llm-function-call-result", {"tool_call_id": "c1", "result": 1})
    chat.dialect.tell(ResponseDone("r1"))
    assert isinstance(chat.ear.asked[-1], CreateResponse)


def test_the_client_asks_for_the_end_and_one_that_does_not_read_is_hung_up() -> None:
    chat = Chat()
    with pytest.raises(Hangup, match="client_closed"):
        chat.say("disconnect-bot")
    chat.open()
    assert chat.sent == [{"type": "signalling", "message": {"type": "peerLeft"}}]

    def full(text: str) -> None:
        raise Hangup("connection_lost")

    chat.dialect.opened(LABEL, full)
    with pytest.raises(Hangup, match="connection_lost"):
        chat.dialect.tell(SpeechStarted("i", 0))


def test_before_anybody_listens_commands_are_dropped() -> None:
    dialect = RtviDialect(RtviCodec(Settings("local")), lambda settings: None)
    dialect.received(LABEL, '{"label": "rtvi-ai", "type": "send-text", "id": "1", "data": {"content": "x"}}')
    dialect.received(LABEL, '{"label": "rtvi-ai", "type": "dtmf", "id": "1", "data": {"buttons": ["1"]}}')
