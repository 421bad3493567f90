"""The bridge over a real socket against an agent that speaks the vendor's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.bridge import Opening
from mediaserver.commands import CancelResponse, CommitInput, CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import Unsupported
from mediaserver.events import (
    InputCommitted,
    Problem,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    TextCorrected,
    TextDone,
    ToolCalled,
    TranscriptFinal,
    TranscriptPartial,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from tests.bridges.talk import Talk, fails_as, opened, written
from tests.servers import toned
from tests.servers.elevenlabs_agents import Agent, ElevenLabsAgents
from tests.servers.minds import Brain
from tests.servers.provider import Faults

SPEECH = toned.speak(3, 4, 16000)
TOOL = {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}


@asynccontextmanager
async def call(
    agent: ElevenLabsAgents,
    settings: Settings | None = None,
    *,
    more: Mapping[str, Any] | None = None,
    history: tuple[Item, ...] = (),
    wait: bool = True,
) -> AsyncIterator[Talk]:
    options = {**agent.options, "end_of_reply_s": 0.6, **(more or {})}
    opening = Opening(settings or Settings(model="agent"), history)
    async with opened("elevenlabs", options, opening, wait=wait) as talk:
        yield talk


@pytest.mark.parametrize(
    "agent",
    [
        Agent(),
        Agent(public=True, input_format="ulaw_8000", output_format="ulaw_8000"),
        Agent(input_format="pcm_48000", output_format="pcm_22050", parts=True),
        Agent(input_format="pcm_8000", output_format="pcm_44100", completes=True),
    ],
    ids=lambda agent: f"{agent.input_format}-{agent.output_format}",
)
async def test_a_spoken_turn_is_answered_in_any_format(agent: Agent) -> None:
    brain = Brain("count to three")
    async with ElevenLabsAgents(agent=agent, brain=brain, speed=20) as server, call(server) as talk:
        await talk.hear(SPEECH)
        await talk.silence(900)
        committed = await talk.until(InputCommitted)
        created = await talk.until(ResponseCreated)
        done = await talk.until(ResponseDone)
        assert (done.response_id, done.status, created.modalities) == (created.response_id, "completed", ("audio",))
        assert talk.of(TranscriptFinal) == [TranscriptFinal(committed.item_id, "count to three")]
        assert talk.of(TranscriptPartial)[0].item_id == committed.item_id
        assert talk.of(TextDone)[0].text == server.last.sounding[0]
        assert toned.sentences(talk.sound(), 24000) == [1, 2, 3]
        heard = toned.spoken(bytes(server.last.received), server.last.rate)
        assert [each.sentence for each in heard] == [3]


async def test_a_written_turn_is_held_until_it_is_asked_about() -> None:
    async with ElevenLabsAgents(speed=50) as server, call(server) as talk:
        talk.send(CreateItem(item=written("Ada is calling", "system")))
        talk.ask("count to two")
        done = await talk.until(ResponseDone)
        assert done.response_id == "resp_mine"
        assert toned.sentences(talk.sound("resp_mine"), 24000) == [1, 2]
        assert [(line.who, line.text) for line in server.last.lines[:2]] == [
            ("system", "Note: Ada is calling"),
            ("user", "count to two"),
        ]


async def test_a_function_is_called_and_its_output_continues() -> None:
    async with ElevenLabsAgents(agent=Agent(tools=(TOOL,)), speed=50) as server, call(server) as talk:
        talk.ask("use the tool")
        called = await talk.until(ToolCalled)
        assert (called.response_id, called.name, called.arguments) == ("resp_mine", "get_time", '{"zone": "text"}')
        assert (await talk.until(ResponseDone)).response_id == "resp_mine"
        talk.send(
            CreateItem(item=Item("item_out", "function_call_output", call_id=called.call_id, output="five", error=True))
        )
        talk.send(Respond(response_id="resp_next", settings=Settings(model="agent")))
        done = await talk.until(ResponseDone, 2)
        assert done.response_id == "resp_next"
        assert "The tool says five." in talk.text("resp_next")
        assert [(each.result, each.is_error) for each in server.last.results] == [("five", True)]


async def test_the_caller_breaks_in_and_late_sound_is_dropped() -> None:
    async with ElevenLabsAgents(brain=Brain("count to eight", "hello"), speed=3) as server, call(server) as talk:
        await talk.hear(SPEECH)
        await talk.silence(700)
        first = await talk.until(ResponseCreated)
        await talk.silence(600)
        await talk.hear(SPEECH)
        cut = await talk.until(ReplyCut)
        done = await talk.until(ResponseDone)
        assert cut.response_id == done.response_id == first.response_id
        assert (done.status, done.reason) == ("cancelled", "turn_detected")
        at_cut = talk.sound(first.response_id)
        corrected = await talk.until(TextCorrected)
        assert server.last.lines[1].text == corrected.text
        await talk.silence(900)
        second = await talk.until(ResponseDone, 2)
        assert second.response_id != first.response_id
        assert talk.sound(first.response_id) == at_cut
        assert 1 in toned.sentences(at_cut, 24000)
        assert toned.number("You said hello.") in toned.sentences(talk.sound(second.response_id), 24000)


async def test_overrides_that_are_allowed_go_in_and_the_rest_is_context() -> None:
    settings = Settings(model="agent", instructions="Be brief.", voice="nora", speed=1.1)
    allowed = ("prompt", "voice", "first_message", "language", "speed")
    agent = Agent(allowed=allowed, first_message="Welcome.", required_variables=("caller",))
    more = {"first_message": "Hello you.", "language": "de", "dynamic_variables": {"caller": "Ada"}, "voices": ["nora"]}
    async with ElevenLabsAgents(agent=agent, speed=50) as server, call(server, settings, more=more) as talk:
        done = await talk.until(ResponseDone)
        assert talk.text(done.response_id) == "Hello you."
        told = server.last.begun.conversation_config_override
        assert (told.agent.prompt.prompt, told.agent.language, told.tts.voice_id, told.tts.speed) == (
            "Be brief.",
            "de",
            "nora",
            1.1,
        )
        assert not talk.of(Problem)
    async with ElevenLabsAgents(speed=50) as server, call(server, settings) as talk:
        problem = await talk.until(Problem)
        assert (problem.code, problem.param) == ("unsupported_by_provider", "session.audio.output.voice")
        talk.ask("hello")
        await talk.until(ResponseDone)
        assert server.last.lines[0].text == "Instructions for this conversation: Be brief."


async def test_a_forbidden_override_ends_the_session_with_its_reason() -> None:
    async with ElevenLabsAgents() as server:
        more = {"overrides": ["prompt"]}
        async with call(server, Settings(model="a", instructions="Be brief."), more=more, wait=False) as talk:
            failure = await talk.failed()
    assert (failure.code, failure.retryable) == ("refused", False)


async def test_the_session_changes_what_has_no_word_and_refuses_the_rest() -> None:
    async with ElevenLabsAgents(speed=50) as server, call(server) as talk:
        talk.send(UpdateSession(settings=Settings(model="agent", instructions="Speak of ships.")))
        for command in (CommitInput(), CancelResponse()):
            with pytest.raises(Unsupported):
                talk.send(command)
        talk.ask("hello")
        await talk.until(ResponseDone)
        assert "Speak of ships." in server.last.lines[0].text


async def test_what_is_cancelled_is_not_told_and_the_next_answer_is() -> None:
    async with ElevenLabsAgents(speed=4) as server, call(server) as talk:
        talk.ask("count to eight", "resp_one")
        await talk.until(ResponseCreated)
        talk.send(Interrupt(response_id="resp_one", reason="client_cancelled"))
        done = await talk.until(ResponseDone)
        assert (done.response_id, done.status, done.reason) == ("resp_one", "cancelled", "client_cancelled")
        heard = len(talk.sound())
        talk.ask("hello", "resp_two")
        assert (await talk.until(ResponseDone, 2)).response_id == "resp_two"
        assert len(talk.sound("resp_one")) <= heard
        assert server.last.lines[-1].text.startswith("You said hello")


async def test_goes_on_with_a_history_and_says_its_greeting_to_nobody() -> None:
    history = (
        written("where is my order"),
        Item("item_c", "function_call", call_id="c1", name="find", arguments='{"a":1}'),
        Item("item_o", "function_call_output", call_id="c1", output="shipped"),
        Item("item_a", role="assistant", parts=(Part("output_audio", "It has shipped."),)),
        written("count to two"),
    )
    async with ElevenLabsAgents(agent=Agent(first_message="Welcome back."), speed=50) as server:
        async with call(server, history=history) as talk:
            await talk.silence(2500)
            talk.send(Respond(response_id="resp_on", settings=Settings(model="agent")))
            done = await talk.until(ResponseDone)
            assert done.response_id == "resp_on"
            assert toned.sentences(talk.sound(), 24000) == [1, 2]
        context = next(line.text for line in server.last.lines if line.who == "system")
        assert "User: where is my order\nYou called find" in context
        assert "shipped" in context


async def test_an_agent_that_only_writes() -> None:
    settings = Settings(model="agent", output_modalities=("text",))
    agent = Agent(allowed=("text_only",))
    async with ElevenLabsAgents(agent=agent, speed=50) as server, call(server, settings) as talk:
        assert "text_output" in talk.bridge.capabilities.can
        talk.ask("hello")
        done = await talk.until(ResponseDone)
        assert talk.of(ResponseCreated)[0].modalities == ("text",)
        assert talk.text(done.response_id) == "You said hello. That is my answer."
        await talk.silence(100)
        assert not talk.sound()
        assert server.last.received_bytes == 0


async def test_pings_are_answered_and_time_is_metered() -> None:
    async with ElevenLabsAgents() as server, call(server) as talk:
        for _ in range(2):
            await talk.silence(5600, hurry=20)
            await asyncio.sleep(0.7)  # long enough to be quiet
        await talk.until(UsageReported, 2)
        used = sum(each.usage.seconds for each in talk.of(UsageReported))
        assert 10.0 <= used <= server.last.received_bytes / 32000
        assert len({each.key for each in talk.of(UsageReported)}) == len(talk.of(UsageReported))
        assert server.last.pongs


@pytest.mark.parametrize(
    ("faults", "more", "code", "retryable"),
    [
        (Faults(), {"key": "wrong"}, "unauthorized", False),
        (Faults(), {"agent_id": "agent_other"}, "refused", False),
        (Faults(refuse=429, retry_after="7"), {}, "rate_limited", True),
        (Faults(refuse=503), {}, "unavailable", True),
        (Faults(hang=True), {"dial_s": 0.3}, "timeout", True),
        (Faults(close_after_ms=0, close_code=1011), {}, "provider_error", True),
        (Faults(close_after_ms=0, close_code=None), {}, "connection_lost", True),
        (Faults(half_open=True), {"ready_s": 0.3}, "timeout", True),
        (Faults(session_s=0.5), {}, "session_expired", True),
    ],
)
async def test_what_goes_wrong_has_its_code(faults: Faults, more: dict[str, Any], code: str, retryable: bool) -> None:
    async with ElevenLabsAgents(faults=faults) as server, call(server, more=more, wait=False) as talk:
        await fails_as(talk, server, code, retryable=retryable)


async def test_a_signed_address_elsewhere_is_not_followed() -> None:
    async with ElevenLabsAgents() as server:
        server.signed_host = "localhost.example:80"
        async with call(server, wait=False) as talk:
            failure = await talk.failed()
        assert (failure.code, server.attempts) == ("refused", 0)
        assert "signature" not in failure.message
