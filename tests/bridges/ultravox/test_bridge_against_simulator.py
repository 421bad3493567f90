"""The bridge over real HTTP and a real socket against a vendor that speaks the documented protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.bridge import Opening
from mediaserver.commands import CommitInput, CreateItem, Interrupt, Respond, TruncateItem, UpdateSession
from mediaserver.errors import Unsupported
from mediaserver.events import (
    AudioDelta,
    InputCommitted,
    Problem,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
    TextCorrected,
    TextDone,
    ToolCalled,
    TranscriptFinal,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from tests.bridges.talk import Talk, fails_as, opened, written
from tests.servers import toned
from tests.servers.minds import Brain
from tests.servers.provider import Faults
from tests.servers.ultravox_calls import UltravoxCalls

SPEECH = toned.speak(3, 4, 16000)
TOOL = Tool(
    "get_time", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
)


@asynccontextmanager
async def call(
    server: UltravoxCalls,
    settings: Settings | None = None,
    *,
    more: Mapping[str, Any] | None = None,
    history: tuple[Item, ...] = (),
    wait: bool = True,
) -> AsyncIterator[Talk]:
    opening = Opening(settings or Settings(model="ultravox"), history)
    async with opened("ultravox", {**server.options, **(more or {})}, opening, wait=wait) as talk:
        yield talk


async def test_a_spoken_turn_is_heard_written_and_answered_in_order() -> None:
    async with UltravoxCalls(brain=Brain("count to three"), speed=20) as server, call(server) as talk:
        await talk.hear(SPEECH)
        await talk.silence(700)
        done = await talk.until(ResponseDone)
        started, stopped = talk.of(SpeechStarted)[0], talk.of(SpeechStopped)[0]
        committed = talk.of(InputCommitted)
        assert [each.item_id for each in committed] == [started.item_id] == [stopped.item_id]
        assert talk.of(TranscriptFinal) == [TranscriptFinal(started.item_id, "count to three")]
        assert 0 <= started.audio_start_ms < stopped.audio_end_ms <= 1900
        assert (done.response_id, done.status) == (talk.of(ResponseCreated)[0].response_id, "completed")
        assert toned.sentences(talk.sound(), 24000) == [1, 2, 3]
        assert talk.of(TextDone)[0].text == server.last.sounding[0]
        kinds = [kind for kind in talk.kinds() if kind not in ("UsageReported", "Awaited", "Alive")]
        assert kinds[:5] == ["SpeechStarted", "SpeechStopped", "InputCommitted", "TranscriptFinal", "ResponseCreated"]
        assert bytes(server.last.received)[: len(SPEECH)] == SPEECH


async def test_silence_while_it_listens_is_no_answer() -> None:
    async with UltravoxCalls() as server, call(server) as talk:
        await talk.silence(1000)
        await asyncio.sleep(0.3)
        assert server.last.state == "listening"
        assert not talk.of(ResponseCreated)
        assert not talk.of(AudioDelta)


async def test_a_written_turn_is_held_until_it_is_asked_about() -> None:
    async with UltravoxCalls(speed=50) as server, call(server) as talk:
        talk.send(CreateItem(item=written("Ada is calling", "system")))
        talk.ask("count to two")
        done = await talk.until(ResponseDone)
        assert done.response_id == "resp_mine"
        assert toned.sentences(talk.sound("resp_mine"), 24000) == [1, 2]
        assert not talk.of(InputCommitted)
        assert [(line.who, line.text) for line in server.last.lines[:2]] == [
            ("system", "Note: Ada is calling"),
            ("user", "count to two"),
        ]


@pytest.mark.parametrize("error", [False, True])
async def test_a_function_is_called_and_its_output_continues(error: bool) -> None:
    settings = Settings(model="ultravox", tools=(TOOL,))
    async with UltravoxCalls(speed=50) as server, call(server, settings) as talk:
        talk.ask("use the tool")
        called = await talk.until(ToolCalled)
        assert (called.response_id, called.name, called.arguments) == ("resp_mine", "get_time", '{"zone": "text"}')
        assert (await talk.until(ResponseDone)).response_id == "resp_mine"
        output = Item("item_out", "function_call_output", call_id=called.call_id, output="five", error=error)
        talk.send(CreateItem(item=output))
        talk.send(Respond(response_id="resp_next", settings=settings))
        assert (await talk.until(ResponseDone, 2)).response_id == "resp_next"
        assert "The tool says five." in talk.text("resp_next")
        result = server.last.results[0]
        assert (result.result, result.errorMessage) == ((None, "five") if error else ("five", None))
        told = server.requests[0]["selectedTools"][0]["temporaryTool"]
        assert told["dynamicParameters"] == [
            {"name": "zone", "location": "PARAMETER_LOCATION_BODY", "schema": {"type": "string"}, "required": True}
        ]
        assert told["timeout"] == "20s"


async def test_the_caller_breaks_in() -> None:
    async with UltravoxCalls(brain=Brain("count to eight", "hello"), speed=3) as server, call(server) as talk:
        await talk.hear(SPEECH)
        await talk.silence(600)
        first = await talk.until(ResponseCreated)
        await talk.silence(600)
        await talk.hear(SPEECH)
        cut = await talk.until(ReplyCut)
        done = await talk.until(ResponseDone)
        assert cut.response_id == done.response_id == first.response_id
        assert (done.status, done.reason) == ("cancelled", "turn_detected")
        at_cut = talk.sound(first.response_id)
        corrected = await talk.until(TextCorrected)
        assert corrected.text == server.last.lines[1].text
        await talk.silence(600)
        second = await talk.until(ResponseDone, 2)
        assert talk.sound(first.response_id) == at_cut
        assert toned.number("You said hello.") in toned.sentences(talk.sound(second.response_id), 24000)
        assert len(talk.of(InputCommitted)) == 2


async def test_it_writes_and_speaks_as_the_session_says() -> None:
    written_only = Settings(model="ultravox", output_modalities=("text",))
    async with UltravoxCalls(speed=50) as server, call(server, written_only) as talk:
        talk.ask("hello")
        done = await talk.until(ResponseDone)
        assert talk.of(ResponseCreated)[0].modalities == ("text",)
        assert talk.text(done.response_id) == "You said hello. That is my answer."
        assert not talk.sound()
        talk.send(UpdateSession(settings=Settings(model="ultravox")))
        talk.ask("count to two", "resp_two")
        await talk.until(ResponseDone, 2)
        assert toned.sentences(talk.sound("resp_two"), 24000) == [1, 2]
        assert server.requests[0]["initialOutputMedium"] == "MESSAGE_MEDIUM_TEXT"


async def test_what_cannot_be_is_refused() -> None:
    async with UltravoxCalls() as server, call(server) as talk:
        for command in (
            CommitInput(),
            TruncateItem(item_id="i", content_index=0, audio_end_ms=1),
            UpdateSession(settings=Settings(model="ultravox", instructions="Now in French.")),
            Respond(response_id="r", settings=Settings(model="ultravox"), out_of_band=True),
        ):
            with pytest.raises(Unsupported):
                talk.send(command)
        assert not server.last.messages


async def test_what_is_cancelled_is_not_told_and_the_next_answer_is() -> None:
    async with UltravoxCalls(speed=4) as server, call(server) as talk:
        talk.ask("count to eight", "resp_one")
        await talk.until(AudioDelta)
        talk.send(Interrupt(response_id="resp_one", reason="client_cancelled"))
        done = await talk.until(ResponseDone)
        assert (done.response_id, done.status, done.reason) == ("resp_one", "cancelled", "client_cancelled")
        heard = len(talk.sound())
        talk.ask("hello", "resp_two")
        assert (await talk.until(ResponseDone, 2)).response_id == "resp_two"
        assert len(talk.sound("resp_one")) == heard
        assert talk.text("resp_two") == server.last.lines[-1].text


async def test_a_call_is_made_of_its_session() -> None:
    settings = Settings(
        model="ultravox",
        instructions="Be brief.",
        voice="Mark",
        temperature=1.2,
        transcription=Transcription(language="de"),
        turn_detection=TurnDetection(threshold=0.6, silence_duration_ms=800),
    )
    history = (
        written("Ada calls", "system"),
        written("where is my order"),
        Item("item_c", "function_call", call_id="c1", name="find", arguments='{"a":1}'),
        Item("item_o", "function_call_output", call_id="c1", output="shipped"),
        Item("item_a", role="assistant", parts=(Part("output_audio", "It has shipped."),)),
    )
    more = {"model": "ultravox-v0.7", "first_speaker": "agent"}
    async with UltravoxCalls() as server, call(server, settings, history=history, more=more):
        body = server.requests[0]
    assert body["systemPrompt"] == "Be brief.\n\nAda calls"
    assert (body["voice"], body["temperature"], body["languageHint"], body["model"]) == (
        "Mark",
        1.0,
        "de",
        "ultravox-v0.7",
    )
    assert body["vadSettings"] == {"turnEndpointDelay": "0.8s", "frameActivationThreshold": 0.6}
    assert body["firstSpeakerSettings"] == {"user": {}}
    assert [each["role"] for each in body["initialMessages"]] == [
        "MESSAGE_ROLE_USER",
        "MESSAGE_ROLE_TOOL_CALL",
        "MESSAGE_ROLE_TOOL_RESULT",
        "MESSAGE_ROLE_AGENT",
    ]
    assert body["initialMessages"][2]["toolName"] == "find"
    assert body["medium"]["serverWebSocket"]["dataMessages"] == {
        "userStartedSpeaking": True,
        "userStoppedSpeaking": True,
    }


async def test_the_last_question_of_a_history_is_asked_again() -> None:
    history = (written("count to two"),)
    async with UltravoxCalls(speed=50) as server, call(server, history=history) as talk:
        talk.send(Respond(response_id="resp_on", settings=Settings(model="ultravox")))
        assert (await talk.until(ResponseDone)).response_id == "resp_on"
        assert toned.sentences(talk.sound(), 24000) == [1, 2]


async def test_a_stored_agent_speaks_first_and_keeps_what_is_its_own() -> None:
    settings = Settings(model="agent", instructions="Be brief.", voice="Mark", tools=(TOOL,))
    more = {"agent_id": "agent_1", "first_speaker": "agent", "template_context": {"name": "Ada"}}
    async with UltravoxCalls(speed=50) as server, call(server, settings, more=more) as talk:
        done = await talk.until(ResponseDone)
        assert talk.text(done.response_id) == "Hello there."
        assert {each.param for each in talk.of(Problem)} == {"session.audio.output.voice", "session.tools"}
        assert server.requests[0]["templateContext"] == {"name": "Ada"}
        assert server.last.lines[0].text in ("Instructions: Be brief.", "Hello there.")
        assert "temperature" not in talk.bridge.capabilities.can


async def test_the_call_is_ended_and_its_time_is_metered() -> None:
    async with UltravoxCalls() as server:
        async with call(server) as talk:
            await talk.silence(10_400, hurry=20)
            await talk.until(UsageReported, 2)
            used = sum(each.usage.seconds for each in talk.of(UsageReported))
            assert len({each.key for each in talk.of(UsageReported)}) == len(talk.of(UsageReported))
        async with asyncio.timeout(20):
            while not server.truth.rows:
                await asyncio.sleep(0.02)
        assert server.last.hung_up
        assert 10.0 <= used <= server.truth.total("seconds")


@pytest.mark.parametrize(
    ("faults", "more", "code", "retryable"),
    [
        (Faults(), {"key": "wrong"}, "unauthorized", False),
        (Faults(refuse=402), {}, "refused", False),
        (Faults(refuse=429, retry_after="7"), {}, "rate_limited", True),
        (Faults(refuse=503), {}, "unavailable", True),
        (Faults(hang=True), {"dial_s": 0.3}, "timeout", True),
        (Faults(close_after_ms=0, close_code=1011), {}, "connection_lost", True),
        (Faults(close_after_ms=0, close_code=None), {}, "connection_lost", True),
        (Faults(half_open=True), {"ready_s": 0.3}, "timeout", True),
    ],
)
async def test_what_goes_wrong_has_its_code(faults: Faults, more: dict[str, Any], code: str, retryable: bool) -> None:
    async with UltravoxCalls(faults=faults) as server, call(server, more=more, wait=False) as talk:
        await fails_as(talk, server, code, retryable=retryable)


async def test_the_join_address_has_to_be_allowed() -> None:
    async with UltravoxCalls() as server:
        port = server.http.rpartition(":")[2]
        server.join_host = f"localhost:{port}"
        async with call(server, wait=False) as talk:
            failure = await talk.failed()
        assert (failure.code, server.attempts) == ("refused", 0)
        assert "token" not in failure.message
        async with call(server, more={"join_hosts": ["localhost"]}):
            assert len(server.connections) == 1
