"""The bridge on a real socket with the simulator of Deepgram's agent behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.deepgram.codec import DeepgramCodec
from bridges.deepgram.dial import dial
from bridges.options import DeepgramAgent
from bridges.realtime import RealtimeBridge
from mediaserver.bridge import Opening
from mediaserver.commands import CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import Unsupported
from mediaserver.events import (
    AudioDelta,
    InputCommitted,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    ResponseRefused,
    SpeechStarted,
    ToolCalled,
    ToolsCancelled,
    TranscriptFinal,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from tests.bridges.checked import checked
from tests.bridges.deepgram import sdk
from tests.bridges.talk import Talk, talking
from tests.servers import toned
from tests.servers.deepgram_agent import DeepgramAgentServer
from tests.servers.minds import Brain
from tests.servers.provider import Faults

RATE = 24000
TOOL = Tool("get_time", "The time", {"type": "object", "properties": {"zone": {"type": "string"}}})
SPEECH = toned.speak(30, 4, RATE) + bytes(RATE * 2)


def settings(**changes: Any) -> Settings:
    return Settings("agent", **{"instructions": "Be brief.", "voice": "aura-2-thalia-en", **changes})


def user(text: str, item_id: str = "item_u") -> Item:
    return Item(item_id, role="user", parts=(Part("input_text", text),))


@asynccontextmanager
async def call(
    *transcripts: str,
    opening: Opening | None = None,
    faults: Faults | None = None,
    speed: float = 20.0,
    wait: bool = True,
    prepare: Callable[[DeepgramAgentServer], None] = lambda _: None,
    **options: Any,
) -> AsyncIterator[tuple[Talk, DeepgramAgentServer]]:
    server = DeepgramAgentServer(brain=Brain(*transcripts), faults=faults, speed=speed)
    prepare(server)
    async with checked("deepgram", server, sdk, opening or Opening(settings()), wait=wait, **options) as talk:
        yield talk, server


async def test_a_spoken_turn_is_answered_in_sound_that_can_be_read_back() -> None:
    async with call("count to three") as (talk, server):
        await talk.hear(SPEECH)
        done = await talk.until(ResponseDone)
        assert talk.kinds() == [
            "SpeechStarted", "InputCommitted", "TranscriptFinal", "ResponseCreated",
            *talk.kinds()[4:-3],
            "AudioDone", "TextDone", "ResponseDone",
        ]  # fmt: skip
        assert set(talk.kinds()[4:-3]) == {"TextDelta", "AudioDelta"}
        started, committed, final = talk.of(SpeechStarted)[0], talk.of(InputCommitted)[0], talk.of(TranscriptFinal)[0]
        assert started.item_id == committed.item_id == final.item_id
        assert final.text == "count to three"
        assert started.audio_start_ms <= 400
        assert toned.sentences(talk.sound(done.response_id), RATE) == [1, 2, 3]
        expected = "Sentence one of the answer. Sentence two of the answer. Sentence three of the answer."
        assert talk.text(done.response_id) == expected
        assert done.status == "completed"
        assert bytes(server.last.received[: len(SPEECH)]) == SPEECH


async def test_a_written_turn_is_answered_under_the_name_that_was_asked_for() -> None:
    async with call() as (talk, server):
        talk.send(CreateItem(item=user("count to two")))
        await asyncio.sleep(0.05)
        assert "InjectUserMessage" not in [each["type"] for each in server.last.messages]
        talk.send(Respond(response_id="resp_ours", settings=settings()))
        done = await talk.until(ResponseDone)
        assert done.response_id == "resp_ours"
        assert toned.sentences(talk.sound("resp_ours"), RATE) == [1, 2]
        assert not talk.of(InputCommitted)


async def test_a_function_is_called_and_its_result_spoken() -> None:
    async with call("use get_time please", opening=Opening(settings(tools=(TOOL,)))) as (talk, _server):
        await talk.hear(SPEECH)
        called = await talk.until(ToolCalled)
        done = await talk.until(ResponseDone)
        assert (called.name, called.arguments, done.response_id) == ("get_time", '{"zone": "text"}', called.response_id)
        output = Item("item_o", "function_call_output", call_id=called.call_id, output="14:05")
        talk.send(CreateItem(item=output))
        talk.send(Respond(response_id="resp_after", settings=settings()))
        done = await talk.until(ResponseDone, 2)
        assert done.response_id == "resp_after"
        assert talk.text("resp_after") == "The tool says 14:05. Is there anything else?"


async def test_speech_into_a_reply_cuts_it_and_calls_off_its_functions() -> None:
    async with call("count to nine", "and now this", speed=3.0) as (talk, _server):
        await talk.hear(SPEECH)
        await talk.until(AudioDelta, 3)
        await talk.hear(SPEECH)
        cut = await talk.until(ReplyCut)
        done = await talk.until(ResponseDone)
        assert (done.response_id, done.status, done.reason) == (cut.response_id, "cancelled", "turn_detected")
        position = talk.events.index(done)
        second = await talk.until(ResponseDone, 2)
        assert not [
            each
            for each in talk.events[position:]
            if isinstance(each, AudioDelta) and each.response_id == done.response_id
        ]
        assert second.status == "completed"
        assert toned.sentences(talk.sound(second.response_id), RATE) == [
            toned.number("You said and now this."),
            toned.number("That is my answer."),
        ]


async def test_speech_while_a_function_runs_calls_it_off() -> None:
    async with call("use get_time", "never mind", opening=Opening(settings(tools=(TOOL,)))) as (talk, server):
        await talk.hear(SPEECH)
        called = await talk.until(ToolCalled)
        await talk.hear(SPEECH)
        assert (await talk.until(ToolsCancelled)).call_ids == (called.call_id,)
        talk.send(CreateItem(item=Item("item_o", "function_call_output", call_id=called.call_id, output="late")))
        await talk.until(ResponseDone, 2)
        assert "FunctionCallResponse" not in [each["type"] for each in server.last.messages]


async def test_a_reply_that_nobody_wants_is_dropped_to_its_end() -> None:
    async with call("count to four", speed=5.0) as (talk, _server):
        await talk.hear(SPEECH)
        created = await talk.until(ResponseCreated)
        await talk.until(AudioDelta)
        talk.send(Interrupt(response_id=created.response_id, reason="client_cancelled"))
        heard = len(talk.sound())
        done = await talk.until(ResponseDone)
        assert (done.status, done.reason) == ("cancelled", "client_cancelled")
        assert len(talk.sound()) == heard


async def test_prompt_tools_and_voice_change_in_mid_session() -> None:
    async with call() as (talk, server):
        assert {"instructions", "tools", "voice"} <= talk.bridge.capabilities.changes
        talk.send(
            UpdateSession(
                settings=settings(instructions="Be long.", tools=(TOOL,), voice="aura-2-apollo-en", temperature=0.5)
            )
        )
        talk.send(
            CreateItem(item=Item("item_s", role="system", parts=(Part("input_text", "The caller is called Ann."),)))
        )
        async with asyncio.timeout(20):
            while "The caller" not in server.last.think.prompt:
                await asyncio.sleep(0.01)
        assert server.last.think.prompt == "Be long.\nThe caller is called Ann."
        assert [each.name for each in server.last.think.functions] == ["get_time"]
        assert server.last.think.provider.temperature == 0.5
        assert server.last.speak.provider.model == "aura-2-apollo-en"
        talk.send(UpdateSession(settings=settings(instructions="Be short.")))
        async with asyncio.timeout(20):
            while "Be short" not in server.last.think.prompt:
                await asyncio.sleep(0.01)
        assert server.last.think.prompt == "Be short.\n\nThe caller is called Ann."


async def test_a_new_session_knows_what_was_said_before_and_does_not_greet_again() -> None:
    history = (
        Item("i0", role="system", parts=(Part("input_text", "Call everybody Sir."),)),
        user("count to four", "i1"),
        Item("i2", "function_call", call_id="c1", name="get_time", arguments="{}"),
        Item("i3", "function_call_output", call_id="c1", output="noon"),
        Item("i4", role="assistant", parts=(Part("output_audio", "Sentence one of the answer."),)),
    )
    async with call(opening=Opening(settings(), history), greeting="Hello there.") as (talk, server):
        assert [(line.who, line.text) for line in server.last.lines] == [
            ("user", "count to four"),
            ("call", "get_time"),
            ("output", "noon"),
            ("assistant", "Sentence one of the answer."),
        ]
        assert server.last.think.prompt == "Be brief.\n\nCall everybody Sir."
        talk.send(CreateItem(item=user("continue")))
        talk.send(Respond(response_id="resp_c", settings=settings()))
        await talk.until(ResponseDone)
        assert toned.sentences(talk.sound(), RATE) == [2, 3, 4]


async def test_a_greeting_is_an_answer_that_nobody_asked_for() -> None:
    async with call(greeting="Hello there.") as (talk, _server):
        created, done = await talk.until(ResponseCreated), await talk.until(ResponseDone)
        assert created.response_id == done.response_id
        assert talk.text(done.response_id) == "Hello there."


async def test_a_turn_written_while_the_caller_speaks_is_refused_and_kept() -> None:
    async with call("count to two") as (talk, _server):
        await talk.hear(toned.speak(30, 3, RATE)[:RATE])
        await talk.until(SpeechStarted)
        talk.send(CreateItem(item=user("count to one")))
        talk.send(Respond(response_id="resp_x", settings=settings()))
        refused = await talk.until(ResponseRefused)
        assert (refused.response_id, refused.code) == ("resp_x", "conversation_already_has_active_response")
        await talk.silence(800)
        await talk.until(ResponseDone)
        talk.send(Respond(response_id="resp_x", settings=settings()))
        await talk.until(ResponseDone, where=lambda done: done.response_id == "resp_x")
        assert talk.text("resp_x") == "Sentence one of the answer."


async def test_what_it_cannot_do_is_refused() -> None:
    async with call() as (talk, _server):
        with pytest.raises(Unsupported):
            talk.send(Respond(response_id="r", settings=settings(), out_of_band=True))
        with pytest.raises(Unsupported):
            talk.send(UpdateSession(settings=settings(speed=0.25)))
        assert not {"cancel", "truncate", "manual_turns", "text_output"} & talk.bridge.capabilities.can


async def test_connected_seconds_are_metered_once() -> None:
    async with call("count to one", faults=Faults()) as (talk, server):
        await talk.hear(SPEECH)
        await talk.silence(8000, hurry=20)
        await talk.hear(SPEECH)
        await talk.until(ResponseDone, 2)
        told = talk.of(UsageReported)
        assert told
        assert sum(each.usage.seconds for each in told) >= 5
        assert len({each.key for each in told}) == len(told)
        metered = sum(each.usage.seconds for each in told)
    assert metered <= server.truth.total("sound_seconds") <= metered + 5.5


async def test_silence_on_the_socket_is_bridged_by_keep_alives() -> None:
    server = DeepgramAgentServer(speed=20)
    server.patience_s = 3.0
    async with server:
        chosen = DeepgramAgent(key=server.key, url=server.url)
        codec = DeepgramCodec(chosen)
        codec.idle_s = 0.3
        async with talking(RealtimeBridge(codec, dial(chosen, None)), Opening(settings())) as talk:  # type: ignore[arg-type]
            await asyncio.sleep(4)
            assert not talk.over.is_set()
            assert [each["type"] for each in server.last.messages].count("KeepAlive") >= 3


async def test_without_them_the_agent_gives_up() -> None:
    def impatient(server: DeepgramAgentServer) -> None:
        server.patience_s = 2.0

    async with call(prepare=impatient) as (talk, _server):
        failure = await talk.failed()
        assert (failure.code, failure.retryable) == ("timeout", True)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("bad_json", None),
        ("wrong_types", None),
        ("deep", None),
        ("unknown_event", None),
        ("binary", None),
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


async def test_three_pieces_of_nonsense_are_too_much() -> None:
    async with call("count to two", faults=Faults(garbage=("bad_json", "array", "empty"))) as (talk, _server):
        await talk.hear(SPEECH)
        failure = await talk.failed()
        assert failure.code == "protocol_error"


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
        (Faults(refuse=500), {}, "unavailable", True, None),
        (Faults(half_open=True), {"ready_s": 0.5}, "timeout", True, None),
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


async def test_settings_that_it_does_not_take_are_the_end() -> None:
    async with call(opening=Opening(settings(voice="nobody")), wait=False) as (talk, _server):
        failure = await talk.failed()
        assert (failure.code, failure.retryable) == ("refused", False)
