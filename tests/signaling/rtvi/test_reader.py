from __future__ import annotations

from typing import Any

import pytest

from mediaserver.commands import ClearOutput, CommitInput, CreateItem, CreateResponse, UpdateSession
from mediaserver.errors import BadRequest
from mediaserver.events import DigitPressed
from mediaserver.settings import Settings
from signaling.rtvi.reader import KEY_MS, NOTHING, Asked, read
from signaling.rtvi.wire import Envelope

SETTINGS = Settings("local", instructions="Be kind.")


def asked(kind: str, data: Any = None, name: str = "m1") -> Asked:
    return read(Envelope(kind, name, data), SETTINGS)


def item(created: Any) -> Any:
    assert isinstance(created, CreateItem) and created.event_id == "m1"
    return created.item


@pytest.mark.parametrize(("version", "major"), [("2.1.0", 2), ("1.4.2", 1), ("2", 2), ("x", 0), ("9999.1", 0)])
def test_client_ready_is_answered_under_the_same_id(version: str, major: int) -> None:
    said = asked("client-ready", {"version": version, "about": {"library": "x"}})
    assert said.version == major
    assert said.answer is not None
    assert (said.answer["type"], said.answer["id"], said.answer["data"]["version"]) == ("bot-ready", "m1", "2.1.0")


def test_a_text_cuts_the_reply_short_and_is_answered() -> None:
    clear, create, respond = asked("send-text", {"content": "hello"}).commands
    assert clear == ClearOutput(event_id="m1")
    assert (item(create).role, item(create).text, item(create).parts[0].kind) == ("user", "hello", "input_text")
    assert respond == CreateResponse(event_id="m1")


def test_a_text_may_wait_and_may_be_answered_in_writing() -> None:
    quiet = asked("send-text", {"content": "hello", "options": {"run_immediately": False}})
    assert [type(command) for command in quiet.commands] == [CreateItem]
    written = asked("send-text", {"content": "hello", "options": {"audio_response": False}})
    assert written.commands[-1] == CreateResponse(event_id="m1", output_modalities=("text",))


@pytest.mark.parametrize(
    ("data", "role", "kind", "count"),
    [
        ({"role": "user", "content": "a b"}, "user", "input_text", 1),
        ({"role": "system", "content": "a b", "run_immediately": True}, "system", "input_text", 2),
        (
            {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            "assistant",
            "output_text",
            1,
        ),
    ],
)
def test_context_is_appended(data: dict[str, Any], role: str, kind: str, count: int) -> None:
    commands = asked("append-to-context", data).commands
    assert len(commands) == count
    made = item(commands[0])
    assert (made.role, made.text, made.parts[0].kind) == (role, "a b", kind)


@pytest.mark.parametrize(
    ("result", "output"), [("sunny", "sunny"), ({"sky": "blue"}, '{"sky":"blue"}'), (None, "null")]
)
def test_a_functions_result_in_any_form(result: Any, output: str) -> None:
    data = {"function_name": "f", "tool_call_id": "c1", "arguments": {}, "result": result}
    said = asked("llm-function-call-result", data)
    assert said.result_of == "c1"
    made = item(said.commands[0])
    assert (made.kind, made.call_id, made.output) == ("function_call_output", "c1", output)


def test_keys_are_pressed() -> None:
    assert asked("dtmf", {"buttons": ["1", "#"]}).keys == (DigitPressed("1", KEY_MS), DigitPressed("#", KEY_MS))
    assert asked("dtmf", {"button": "*"}).keys == (DigitPressed("*", KEY_MS),)


def test_the_end_is_asked_for() -> None:
    assert asked("disconnect-bot").goodbye and asked("disconnect-bot", {}).goodbye


def test_the_users_interface_is_none_of_our_business() -> None:
    assert {asked(kind, {"any": 1}) for kind in ("ui-event", "ui-snapshot", "ui-cancel-job-group")} == {NOTHING}


def test_requests_of_the_application() -> None:
    update = asked("client-message", {"t": "session.update", "d": {"instructions": "Be brief."}})
    [command] = update.commands
    assert isinstance(command, UpdateSession) and command.settings.instructions == "Be brief."
    assert update.answer is not None
    assert (update.answer["type"], update.answer["id"], update.answer["data"]) == (
        "server-response", "m1", {"t": "session.update", "d": {}},
    )  # fmt: skip
    assert asked("client-message", {"t": "input.commit"}).commands == (CommitInput(event_id="m1"),)
    got = asked("client-message", {"t": "session.get"})
    assert got.commands == () and got.answer is not None and got.answer["data"]["d"]["instructions"] == "Be kind."


@pytest.mark.parametrize(
    ("kind", "data", "code", "param"),
    [
        ("describe-config", {}, "unknown_type", "type"),
        ("raw-audio", {"base64Audio": "AA=="}, "unsupported_over_webrtc", "type"),
        ("raw-audio-batch", {"base64AudioBatch": []}, "unsupported_over_webrtc", "type"),
        ("client-message", {"t": "nonsense"}, "unknown_type", "data.t"),
        ("client-message", {}, "missing_required_parameter", "data.t"),
        ("client-message", {"t": "session.update", "d": {"typo": 1}}, "unknown_parameter", "data.d.typo"),
        ("send-text", None, "missing_required_parameter", "data.content"),
        ("send-text", [], "invalid_type", "data"),
        ("send-text", {"content": "x", "options": {"audio_response": "no"}}, "invalid_type", None),
        ("append-to-context", {"role": "tool", "content": "x"}, "invalid_value", "data.role"),
        ("dtmf", {"buttons": ["12"]}, "invalid_value", "data.buttons"),
        ("dtmf", {}, "invalid_value", "data.buttons"),
    ],
)
def test_what_cannot_be_is_refused_by_name(kind: str, data: Any, code: str, param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        asked(kind, data)
    assert caught.value.code == code
    assert param is None or caught.value.param == param
