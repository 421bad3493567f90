"""The dialect without a socket: recordings, and what can hardly be provoked on one."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.live.codec import MAX_UNKNOWN, NO_BACKEND, LiveCodec
from bridges.options import GptLive
from mediaserver.bridge import Opening
from mediaserver.commands import ClearInput, CreateItem, DeleteItem, Interrupt, Respond, TruncateItem, UpdateSession
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    Event,
    Problem,
    ResponseDone,
    ToolCalled,
    TranscriptFinal,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from tests.bridges.live import sdk
from tests.bridges.recorded import recorded
from tests.servers.provider import GARBAGE

SETTINGS = Settings("m", "Be brief.")
TOOLS = Settings("m", "Be brief.", tools=(Tool("get_time", "The time", {"type": "object", "properties": {}}),))
FRAME = bytes(960)
SOUND = b64encode(b"\0\x10\0\xf0" * 1200).decode()
QUIET = b64encode(b"\x14\0\xec\xff" * 1200).decode()


def begun(settings: Settings = SETTINGS, **options: Any) -> LiveCodec:
    codec = LiveCodec(GptLive(**options))
    (start,) = codec.open(Opening(settings))
    assert json.loads(start)["type"] == "session.start"
    assert not codec.hear(FRAME)
    assert not codec.goodbye()
    tell(codec, "session.started", session={"id": "live_1", "expires_at": 1})
    assert codec.ready
    return codec


def tell(codec: LiveCodec, kind: str, **fields: Any) -> list[Event]:
    return [*codec.receive(json.dumps({"type": kind, **fields}))]


def heard(codec: LiveCodec, text: str, start_ms: int, end_ms: int) -> list[Event]:
    return tell(codec, "session.input_transcript.delta", delta=text, start_ms=start_ms, end_ms=end_ms)


def said(codec: LiveCodec, text: str = "") -> list[Event]:
    if text:
        return tell(codec, "session.output_transcript.delta", delta=text, start_ms=0, end_ms=1)
    return tell(codec, "session.output_audio.delta", delta=SOUND)


def quiet(codec: LiveCodec) -> list[Event]:
    return tell(codec, "session.output_audio.delta", delta=QUIET)


def inner(codec: LiveCodec, kind: str, **fields: Any) -> list[Event]:
    return tell(codec, "response.event", event={"type": kind, **fields}, delegation_id="del_1")


def wait(codec: LiveCodec, ms: int) -> None:
    for _ in range(ms // 20):
        codec.hear(FRAME)


def names(events: object) -> list[str]:
    return [type(each).__name__ for each in events]  # type: ignore[attr-defined]


# --- recordings -------------------------------------------------------------------------------------------------------


def replay(case: str, settings: Settings = SETTINGS, **options: Any) -> list[Event]:
    """Play the model's side to a codec, say what the client said, and compare every message with the recorded one."""
    codec = LiveCodec(GptLive(**options))
    sent = [json.loads(each) for each in codec.open(Opening(settings))]
    sent[0]["session"].pop("audio")
    events: list[Event] = []
    expected: list[Any] = []
    for ours, message in recorded("live", case):
        if not ours:
            events += codec.receive(message)
            continue
        expected.append(json.loads(message))
        sdk.check_sent(expected[-1])
        sent += [json.loads(each) for each in _said(codec, expected[-1])]
    expected[0]["session"].pop("audio")
    assert sent == expected
    return [*events, *codec.quiet()]


def _said(codec: LiveCodec, told: dict[str, Any]) -> list[Any]:
    if told["type"] == "session.input_audio.append":
        return [*codec.hear(b64decode(told["audio"]))]
    if told["type"] == "response.item.create":
        item = Item("o", "function_call_output", call_id=told["item"]["call_id"], output=told["item"]["output"])
        return [*codec.encode(CreateItem(item=item))]
    if told["type"] == "response.create":
        return [*codec.encode(Respond(response_id="resp_ours", settings=SETTINGS))]
    return [*codec.goodbye()] if told["type"] == "session.close" else []


def test_recorded_spoken_turn() -> None:
    events = replay("spoken_turn")
    assert names(events)[:6] == [
        *["TranscriptPartial"] * 3,
        "InputCommitted",
        "TranscriptFinal",
        "ResponseCreated",
    ]
    (done,) = (each for each in events if isinstance(each, ResponseDone))
    assert done.status == "completed"


def test_recorded_tool_call() -> None:
    events = replay("tool_call", TOOLS, delegate_model="gpt-5-mini")
    called = next(each for each in events if isinstance(each, ToolCalled))
    assert (called.name, called.arguments) == ("get_time", "{}")
    first, second = (each for each in events if isinstance(each, ResponseDone))
    assert (first.response_id, second.response_id) == (called.response_id, "resp_ours")
    tokens = [each.usage for each in events if isinstance(each, UsageReported) and each.kind == "delegate"]
    assert [(each.input_tokens, each.output_tokens, each.cached_tokens, each.thinking_tokens) for each in tokens] == [
        (21, 9, 3, 2),
        (30, 12, 3, 2),
    ]


def test_recorded_barge_in() -> None:
    events = replay("barge_in")
    assert [each.text for each in events if isinstance(each, TranscriptFinal)] == ["count to nine", "and now this"]
    assert all(each.status == "completed" for each in events if isinstance(each, ResponseDone))


# --- where things end -------------------------------------------------------------------------------------------------


def test_an_answer_ends_when_nothing_of_it_came_for_a_second_of_the_callers_sound() -> None:
    codec = begun()
    assert names(said(codec, "One.")) == ["ResponseCreated", "TextDelta"]
    assert names(said(codec)) == ["AudioDelta"]
    wait(codec, 980)
    assert not tell(codec, "info", code="x", message="y")
    wait(codec, 20)
    assert names(tell(codec, "info", code="x", message="y")) == ["AudioDone", "TextDone", "ResponseDone"]


def test_silence_begins_no_answer_is_a_pause_in_one_and_ends_it() -> None:
    codec = begun()
    assert not quiet(codec)
    said(codec)
    wait(codec, 500)
    assert names(quiet(codec)) == ["AudioDelta"]
    wait(codec, 500)
    assert names(quiet(codec)) == ["AudioDone", "ResponseDone"]
    assert not quiet(codec)


def test_an_answer_ends_in_the_models_own_silence_when_the_caller_sends_no_sound() -> None:
    codec = begun()
    said(codec)
    for _ in range(9):
        assert names(quiet(codec)) == ["AudioDelta"]
    assert names(quiet(codec)) == ["AudioDone", "ResponseDone"]


def test_an_answer_ends_while_nothing_comes_but_the_count_of_seconds() -> None:
    codec = begun()
    tell(codec, "session.usage.updated", usage={"seconds": 3})
    said(codec)
    assert names(tell(codec, "session.usage.updated", usage={"seconds": 4})) == ["UsageReported"]
    told = tell(codec, "session.usage.updated", usage={"seconds": 5})
    assert names(told) == ["AudioDone", "ResponseDone", "UsageReported"]


def test_a_pause_of_a_second_makes_two_answers() -> None:
    codec = begun()
    said(codec)
    wait(codec, 1000)
    assert names(said(codec)) == ["AudioDone", "ResponseDone", "ResponseCreated", "AudioDelta"]


def test_silence_of_the_provider_ends_both_sides() -> None:
    codec = begun()
    said(codec)
    heard(codec, "mm-hm", 100, 300)
    assert names(codec.quiet()) == ["InputCommitted", "TranscriptFinal", "AudioDone", "ResponseDone"]
    assert not codec.quiet()


def test_a_gap_in_what_the_caller_says_makes_two_turns() -> None:
    codec = begun()
    heard(codec, "One", 0, 300)
    assert names(heard(codec, " two", 1500, 1700)) == ["TranscriptPartial"]
    told = heard(codec, "three", 2901, 3000)
    assert names(told) == ["InputCommitted", "TranscriptFinal", "TranscriptPartial"]
    assert told[1].text == "One two"  # type: ignore[attr-defined]
    assert told[2].item_id != told[1].item_id  # type: ignore[attr-defined]
    assert told[0].previous_item_id is None  # type: ignore[attr-defined]
    assert codec.quiet()[0].previous_item_id == told[0].item_id  # type: ignore[attr-defined]


def test_a_turn_ends_when_the_model_begins_to_speak_but_not_while_it_speaks() -> None:
    codec = begun()
    heard(codec, "Hello", 0, 300)
    assert names(said(codec)) == ["InputCommitted", "TranscriptFinal", "ResponseCreated", "AudioDelta"]
    heard(codec, "mm-hm", 500, 600)
    assert names(said(codec)) == ["AudioDelta"]
    wait(codec, 1200)
    assert "InputCommitted" in names(said(codec))


def test_partials_are_the_whole_and_stay() -> None:
    codec = begun()
    heard(codec, "How", 0, 100)
    (partial,) = heard(codec, " are", 100, 200)
    assert (partial.text, partial.stable) == ("How are", 7)  # type: ignore[attr-defined]


# --- functions --------------------------------------------------------------------------------------------------------


def test_functions_are_called_when_the_delegate_is_done_all_at_once() -> None:
    codec = begun(TOOLS, delegate_model="d")
    said(codec)
    for number in (1, 2):
        item = {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}
        assert not inner(codec, "response.output_item.done", item=item)
    told = inner(codec, "response.completed", response={"id": "r"})
    assert names(told) == ["AudioDone", "ToolCalled", "ToolCalled", "ResponseDone"]
    assert not codec.encode(Respond(response_id="x", settings=SETTINGS))
    for number in (1, 2):
        (sent,) = codec.encode(CreateItem(item=Item("o", "function_call_output", call_id=f"c{number}", output="7")))
        assert json.loads(sent)["type"] == "response.item.create"
    (sent,) = codec.encode(Respond(response_id="y", settings=SETTINGS, event_id="e1"))
    assert json.loads(sent) == {"type": "response.create", "event_id": "e1"}


def test_other_items_of_the_delegate_are_its_own() -> None:
    codec = begun(TOOLS, delegate_model="d")
    for kind in ("reasoning", "message", "web_search_call"):
        assert not inner(codec, "response.output_item.done", item={"type": kind, "id": "x"})
    assert not inner(codec, "response.output_text.delta", delta="hello")
    assert not inner(codec, "response.completed", response={"id": "r"})


def test_a_function_without_a_name_is_garbled() -> None:
    with pytest.raises(Garbled):
        inner(begun(TOOLS, delegate_model="d"), "response.output_item.done", item={"type": "function_call"})


def test_functions_nobody_answers_do_not_pile_up() -> None:
    codec = begun(TOOLS, delegate_model="d")
    with pytest.raises(Garbled):
        for number in range(500):
            item = {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}
            inner(codec, "response.output_item.done", item=item)


def test_a_task_handed_to_us_is_answered_with_the_truth() -> None:
    codec = begun()
    handed = {"id": "del_1", "type": "delegation", "target": "client"}
    assert not tell(codec, "session.delegation.created", delegation=handed, offset_ms=1)
    assert [json.loads(each) for each in codec.replies()] == [
        {"type": "session.thinking.append", "content": NO_BACKEND, "delegation_id": "del_1"}
    ]
    tell(codec, "session.delegation.created", delegation={**handed, "target": "responses"}, offset_ms=1)
    assert not codec.replies()


def test_an_update_that_changes_nothing_of_the_delegate_sends_nothing() -> None:
    codec = begun(TOOLS, delegate_model="d")
    assert not codec.encode(UpdateSession(settings=TOOLS))
    (sent,) = codec.encode(UpdateSession(settings=SETTINGS, event_id="e"))
    assert json.loads(sent)["session"]["delegation"]["responses"] == {"tools": [], "tool_choice": "auto"}
    with pytest.raises(Unsupported):
        begun().encode(UpdateSession(settings=SETTINGS))


# --- what it is, what it is not ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ClearInput(),
        DeleteItem(item_id="i"),
        TruncateItem(item_id="i", content_index=0, audio_end_ms=1),
        Respond(response_id="r", settings=SETTINGS, own_input=True),
        CreateItem(item=Item("u", role="user", parts=(Part("input_text", "hello"),))),
        CreateItem(item=Item("c", "function_call", call_id="c", name="f", arguments="{}")),
    ],
)
def test_what_it_has_no_word_for_is_refused(command: Any) -> None:
    with pytest.raises(Unsupported):
        begun().encode(command)


def test_what_is_not_wanted_is_dropped() -> None:
    codec = begun()
    created, _ = said(codec)
    assert not codec.encode(Interrupt(response_id=created.response_id))  # type: ignore[attr-defined]
    assert not said(codec)
    assert codec.quiet() == (ResponseDone(created.response_id, "cancelled", "turn_detected"),)  # type: ignore[attr-defined]


def test_seconds_are_told_by_what_was_added() -> None:
    codec = begun()
    told = [
        *tell(codec, "session.usage.updated", usage={"seconds": 3}),
        *tell(codec, "session.usage.updated", usage={"seconds": 3}),
        *tell(codec, "session.usage.updated", usage={"seconds": 2}),
        *tell(codec, "session.closed", reason="close_requested", usage={"seconds": 12.4}),
    ]
    assert [(each.usage.seconds, each.key) for each in told] == [(3, "0-3"), (12.4 - 3, "3-12.4")]  # type: ignore[attr-defined]


# --- trouble ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "word"),
    [("expired", "session_expired"), ("content", "refused"), ("connection_lost", "connection_lost")],
)
def test_the_reason_of_the_end_counts_and_not_the_close(reason: str, word: str) -> None:
    codec = begun()
    tell(codec, "session.closed", reason=reason, usage={"seconds": 1})
    failure = codec.closed(1000, "")
    assert failure is not None
    assert failure.code == word


@pytest.mark.parametrize("reason", ["close_requested", "remote_hangup"])
def test_an_ordinary_end_is_one(reason: str) -> None:
    codec = begun()
    tell(codec, "session.closed", reason=reason, usage={"seconds": 1})
    assert codec.closed(1011, "") is None
    assert begun().closed(1000, "") is None
    assert LiveCodec(GptLive()).closed(1000, "") is not None


def test_an_error_about_a_clients_request_goes_to_that_client() -> None:
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "Be brief.", "client_event_id": "e1"}
    assert tell(begun(), "error", error=error) == [
        Problem("the provider refused: invalid_value", "invalid_value", client_event_id="e1")
    ]


@pytest.mark.parametrize(
    ("error", "started", "word", "retryable"),
    [
        ({"code": "unknown_parameter", "type": "invalid_request_error"}, False, "refused", False),
        ({"code": "overloaded", "type": "server_error"}, False, "unavailable", True),
        ({"code": "invalid_api_key"}, True, "unauthorized", False),
        ({"code": "session_expired"}, True, "session_expired", True),
        ({"code": "rate_limit_exceeded"}, True, "rate_limited", True),
    ],
)
def test_a_fatal_error_ends_the_session(error: dict[str, str], started: bool, word: str, retryable: bool) -> None:
    codec = begun() if started else LiveCodec(GptLive())
    with pytest.raises(BridgeError) as failure:
        tell(codec, "error", error={**error, "message": "secret"})
    assert (failure.value.code, failure.value.retryable) == (word, retryable)
    assert "secret" not in failure.value.message


@pytest.mark.parametrize("junk", [name for name in GARBAGE if name not in ("unknown_event", "oversize", "bad_utf8")])
def test_nonsense_is_garbled(junk: str) -> None:
    try:
        told = begun().receive(GARBAGE[junk])
    except Garbled:
        return
    assert junk == "huge_number"  # valid JSON of a type that is not known
    assert not told


def test_unknown_types_are_counted_within_bounds() -> None:
    codec = begun()
    for number in range(200):
        assert not tell(codec, f"new.{number}")
    assert len(codec.unknown) == MAX_UNKNOWN + 1
    assert sum(codec.unknown.values()) == 200


def test_nothing_is_said_to_keep_it_alive_and_little_to_end_it() -> None:
    codec = begun()
    assert not codec.idle()
    assert [json.loads(each) for each in codec.goodbye()] == [{"type": "session.close"}]
