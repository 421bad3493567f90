"""The bridge on a real socket with the simulator of GPT-Live behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.bridge import Opening
from mediaserver.commands import CommitInput, CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import Unsupported
from mediaserver.events import (
    AudioDelta,
    InputCommitted,
    Problem,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    ToolCalled,
    TranscriptFinal,
    TranscriptPartial,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from tests.bridges.checked import checked
from tests.bridges.live import sdk
from tests.bridges.talk import Talk
from tests.servers import toned
from tests.servers.minds import Brain
from tests.servers.openai_live import LiveServer
from tests.servers.provider import Faults

RATE = 24000
TOOL = Tool("get_time", "The time", {"type": "object", "properties": {"zone": {"type": "string"}}})
SPEECH = toned.speak(30, 4, RATE) + bytes(RATE * 2)


def settings(**changes: Any) -> Settings:
    return Settings("live", **{"instructions": "Be brief.", "voice": "marin", **changes})


def message(role: Any, text: str, item_id: str = "item_m") -> Item:
    return Item(item_id, role=role, parts=(Part("input_text", text),))


@asynccontextmanager
async def call(
    *transcripts: str,
    opening: Opening | None = None,
    faults: Faults | None = None,
    hurry: float = 20.0,
    wait: bool = True,
    **options: Any,
) -> AsyncIterator[tuple[Talk, LiveServer]]:
    server = LiveServer(brain=Brain(*transcripts), faults=faults, hurry=hurry)
    async with checked("live", server, sdk, opening or Opening(settings()), wait=wait, **options) as talk:
        yield talk, server


async def test_a_spoken_turn_is_answered_in_sound_that_can_be_read_back() -> None:
    async with call("count to three") as (talk, server):
        await talk.hear(SPEECH)
        done = await talk.until(ResponseDone)
        kinds = [kind for kind in talk.kinds() if kind != "UsageReported"]  # that has its own rhythm
        assert kinds[:4] == ["TranscriptPartial", "InputCommitted", "TranscriptFinal", "ResponseCreated"]
        assert kinds[-3:] == ["AudioDone", "TextDone", "ResponseDone"]
        assert {each.item_id for each in (*talk.of(TranscriptPartial), *talk.of(InputCommitted))} == {
            talk.of(TranscriptFinal)[0].item_id
        }
        assert [each.text for each in talk.of(TranscriptPartial)] == ["count", "count to", "count to three"]
        assert talk.of(TranscriptFinal)[0].text == "count to three"
        assert toned.sentences(talk.sound(done.response_id), RATE) == [1, 2, 3]
        expected = "Sentence one of the answer. Sentence two of the answer. Sentence three of the answer."
        assert talk.text(done.response_id) == expected
        assert bytes(server.last.received[: len(SPEECH)]) == SPEECH


async def test_the_silence_between_answers_is_no_answer_and_ends_one() -> None:
    async with call("count to two") as (talk, server):
        await talk.silence(1500)
        assert len([each for each in server.told if each["type"] == "session.output_audio.delta"]) >= 10
        assert not talk.events
        await talk.hear(SPEECH)
        await talk.until(AudioDelta)
        await talk.silence(6000)
        await talk.until(ResponseDone)
        assert toned.sentences(talk.sound(), RATE) == [1, 2]
        assert len(talk.of(ResponseCreated)) == 1


async def test_it_yields_by_itself_when_the_caller_speaks_and_answers_again() -> None:
    async with call("count to nine", "and now this", hurry=3.0) as (talk, _server):
        await talk.hear(SPEECH)
        await talk.until(AudioDelta, 3)
        await talk.hear(SPEECH)
        await talk.silence(1500)
        await talk.until(ResponseDone, 2)
        first, second = talk.of(ResponseCreated)[:2]
        assert not talk.of(ReplyCut)
        assert len(toned.sentences(talk.sound(first.response_id), RATE)) < 9
        assert talk.text(second.response_id) == "You said and now this. That is my answer."
        assert [each.text for each in talk.of(TranscriptFinal)] == ["count to nine", "and now this"]


async def test_the_delegate_calls_a_function_and_its_result_is_spoken() -> None:
    opening = Opening(settings(tools=(TOOL,)))
    async with call("use get_time please", opening=opening, delegate_model="gpt-5-mini") as (talk, server):
        await talk.hear(SPEECH)
        called = await talk.until(ToolCalled)
        assert (called.name, called.arguments) == ("get_time", '{"zone": "text"}')
        assert (await talk.until(ResponseDone)).response_id == called.response_id
        output = Item("item_o", "function_call_output", call_id=called.call_id, output="14:05")
        talk.send(CreateItem(item=output))
        talk.send(Respond(response_id="resp_after", settings=settings()))
        await talk.until(ResponseDone, where=lambda done: done.response_id == "resp_after")
        assert talk.text("resp_after") == "The tool says 14:05. Is there anything else?"
        tokens = [each for each in talk.of(UsageReported) if each.kind == "delegate"]
        assert sum(each.usage.input_tokens for each in tokens) == server.truth.total("input_tokens", "delegate")
        assert sum(each.usage.output_tokens for each in tokens) == server.truth.total("output_tokens", "delegate")
        assert len({each.key for each in tokens}) == 2


async def test_without_a_delegate_functions_are_refused() -> None:
    async with call(opening=Opening(settings(tools=(TOOL,))), wait=False) as (talk, server):
        failure = await talk.ended()
        assert isinstance(failure, Unsupported)
        assert not any(connection.messages for connection in server.connections)
        assert "tools" not in talk.bridge.capabilities.can


async def test_a_task_that_is_handed_to_us_is_answered_with_the_truth() -> None:
    async with call("ask the backend") as (talk, _server):
        await talk.hear(SPEECH)
        done = await talk.until(ResponseDone)
        assert talk.text(done.response_id) == "I cannot look that up."


async def test_functions_change_in_mid_session_and_nothing_else() -> None:
    async with call(delegate_model="gpt-5-mini") as (talk, server):
        assert talk.bridge.capabilities.changes == {"tools", "tool_choice", "parallel_tool_calls", "reasoning_effort"}
        talk.send(UpdateSession(settings=settings(tools=(TOOL,), tool_choice="required")))
        async with asyncio.timeout(20):
            while not server.last.responses.tools:
                await asyncio.sleep(0.01)
        assert server.last.responses.tool_choice == "required"
    async with call() as (talk, _server):
        assert talk.bridge.capabilities.changes == frozenset()


async def test_a_system_message_is_added_and_a_written_turn_is_refused() -> None:
    async with call() as (talk, server):
        talk.send(CreateItem(item=message("system", "The caller is called Ann.")))
        async with asyncio.timeout(20):
            while not server.last.lines:
                await asyncio.sleep(0.01)
        for item in (message("user", "hello"), message("assistant", "hello")):
            with pytest.raises(Unsupported):
                talk.send(CreateItem(item=item))
        for command in (CommitInput(), Respond(response_id="r", settings=settings(), out_of_band=True)):
            with pytest.raises(Unsupported):
                talk.send(command)
        assert not {"text_turns", "cancel", "truncate", "manual_turns"} & talk.bridge.capabilities.can


async def test_a_new_session_knows_what_was_said_before() -> None:
    history = (
        message("system", "Call everybody Sir.", "i0"),
        message("user", "count to four", "i1"),
        Item("i2", "function_call", call_id="c1", name="get_time", arguments="{}"),
        Item("i3", "function_call_output", call_id="c1", output="noon"),
        Item("i4", role="assistant", parts=(Part("output_audio", "Sentence one of the answer."),)),
    )
    async with call("continue", opening=Opening(settings(), history)) as (talk, server):
        assert [(line.who, line.text) for line in server.last.lines] == [
            ("system", "Call everybody Sir."),
            ("user", "count to four"),
            ("system", "The function get_time was called with {}."),
            ("system", "The function get_time returned: noon"),
            ("assistant", "Sentence one of the answer."),
        ]
        await talk.hear(SPEECH)
        await talk.until(ResponseDone)
        assert toned.sentences(talk.sound(), RATE) == [2, 3, 4]


async def test_an_answer_that_nobody_wants_is_dropped_to_its_end() -> None:
    async with call("count to four", hurry=5.0) as (talk, _server):
        await talk.hear(SPEECH)
        created = await talk.until(ResponseCreated)
        await talk.until(AudioDelta)
        talk.send(Interrupt(response_id=created.response_id, reason="client_cancelled"))
        heard = len(talk.sound())
        done = await talk.until(ResponseDone)
        assert (done.status, done.reason) == ("cancelled", "client_cancelled")
        assert len(talk.sound()) == heard


async def test_a_functions_result_for_the_provider_before_is_told_in_words_and_spoken() -> None:
    async with call(delegate_model="gpt-5-mini") as (talk, _server):
        late = Item("item_o", "function_call_output", call_id="c_old", name="get_time", output="noon")
        talk.send(CreateItem(item=late))
        await talk.until(ResponseDone)
        assert not talk.of(Problem)
        assert "noon" in talk.text(talk.of(ResponseCreated)[0].response_id)


async def test_seconds_are_the_providers_and_never_counted_twice() -> None:
    async with call("count to two") as (talk, server):
        await talk.hear(SPEECH)
        await talk.until(UsageReported, 2)
        told = [each.usage.seconds for each in talk.of(UsageReported)]
        assert all(each.usage.source == "provider" for each in talk.of(UsageReported))
    assert sum(told) <= server.truth.total("seconds", "session") <= sum(told) + 5


async def test_the_end_of_the_session_is_told_with_its_reason() -> None:
    async with call(faults=Faults(session_s=1.2)) as (talk, _server):
        failure = await talk.failed()
        assert (failure.code, failure.retryable) == ("session_expired", True)
        assert sum(each.usage.seconds for each in talk.of(UsageReported)) >= 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("bad_json", None),
        ("wrong_types", None),
        ("deep", None),
        ("unknown_event", None),
        ("binary", None),
        ("huge_number", None),
        ("oversize", "too_large"),
    ],
)
async def test_nonsense_ends_nothing_until_it_is_too_much(kind: str, code: str | None) -> None:
    async with call("count to two", faults=Faults(garbage=(kind,))) as (talk, _server):
        await talk.hear(SPEECH)
        if code is None:
            await talk.until(ResponseDone)
            assert toned.sentences(talk.sound(), RATE) == [1, 2]
        else:
            failure = await talk.failed()
            assert failure.code == code


@pytest.mark.parametrize(("close", "code"), [(1011, "unavailable"), (None, "connection_lost"), (1008, "refused")])
async def test_a_close_in_the_middle_of_a_reply_says_why(close: int | None, code: str) -> None:
    async with call("count to nine", faults=Faults(close_mid_reply_ms=500, close_code=close)) as (talk, _server):
        await talk.hear(SPEECH)
        failure = await talk.failed()
        assert failure.code == code


@pytest.mark.parametrize(
    ("faults", "options", "code", "retryable", "after"),
    [
        (Faults(), {"key": "wrong-key"}, "unauthorized", False, None),
        (Faults(refuse=429, retry_after="7"), {}, "rate_limited", True, 7.0),
        (Faults(refuse=503), {}, "unavailable", True, None),
        (Faults(half_open=True), {"ready_s": 0.5}, "timeout", True, None),
        (Faults(), {"model": "gpt-9"}, "refused", False, None),
    ],
)
async def test_a_refused_connection_says_why_and_never_the_key(
    faults: Faults, options: dict[str, Any], code: str, retryable: bool, after: float | None
) -> None:
    async with call(faults=faults, wait=False, **options) as (talk, server):
        failure = await talk.failed()
        assert (failure.code, failure.retryable, failure.retry_after) == (code, retryable, after)
        assert server.key not in str(failure)
        assert "wrong-key" not in str(failure)
