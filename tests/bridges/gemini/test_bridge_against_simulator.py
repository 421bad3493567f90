"""The bridge on a real socket, against the simulator of the Live API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bridges import open_bridge
from mediaserver.bridge import Opening
from mediaserver.commands import (
    ClearInput,
    Command,
    CommitInput,
    CreateItem,
    DeleteItem,
    Interrupt,
    Respond,
    TruncateItem,
    UpdateSession,
)
from mediaserver.errors import ConfigError, Unsupported
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    GoingAway,
    InputCommitted,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    Resumable,
    TextDelta,
    TextDone,
    ToolCalled,
    ToolsCancelled,
    TranscriptFinal,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from tests.bridges.talk import Talk, fails_as, opened, written
from tests.servers import toned
from tests.servers.gemini_live import RELUCTANT, THINKING, GeminiLive
from tests.servers.minds import Brain, Line
from tests.servers.provider import Faults

SETTINGS = Settings("gemini")
SPEECH = toned.speak(3, 4, 16000)
TOOL = Tool("get_time", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}})
TOOLS = replace(SETTINGS, tools=(TOOL,))
PUSH = replace(SETTINGS, turn_detection=None)


@asynccontextmanager
async def call(
    server: GeminiLive,
    settings: Settings = SETTINGS,
    *,
    history: tuple[Item, ...] = (),
    resume: str | None = None,
    wait: bool = True,
    **more: Any,
) -> AsyncIterator[Talk]:
    options = {"url": server.url, "key": server.key, **more}
    async with opened("gemini", options, Opening(settings, history, resume), wait=wait) as talk:
        yield talk


def output(call_id: str, text: str, *, error: bool = False) -> Item:
    return Item("item_out", "function_call_output", call_id=call_id, output=text, error=error)


def messages(server: GeminiLive, kind: str) -> list[Any]:
    return [each[kind] for each in server.last.messages if kind in each]


def once(events: list[Event]) -> None:
    """Each response begins once and ends once, and is told of only between."""
    begun: set[str] = set()
    over: set[str] = set()
    for event in events:
        name = getattr(event, "response_id", None)
        if isinstance(event, ResponseCreated):
            assert name not in begun
            begun.add(event.response_id)
        elif name is not None and not isinstance(event, ReplyCut):
            assert name in begun - over, event
        if isinstance(event, ResponseDone):
            over.add(event.response_id)
    assert begun == over


@pytest.mark.parametrize("finishes", [True, False])
async def test_a_spoken_turn_is_taken_written_and_answered_in_order(finishes: bool) -> None:
    async with GeminiLive(brain=Brain("count to three"), speed=20, finishes=finishes) as server, call(server) as talk:
        await talk.hear(SPEECH)
        await talk.silence(700)
        done = await talk.until(ResponseDone)
        (taken,) = talk.of(InputCommitted)
        assert (await talk.until(TranscriptFinal)) == TranscriptFinal(taken.item_id, "count to three")
        assert len(talk.of(TranscriptFinal)) == 1
        assert (done.status, done.response_id) == ("completed", talk.of(ResponseCreated)[0].response_id)
        assert toned.sentences(talk.sound(), 24000) == [1, 2, 3]
        assert talk.of(TextDone)[0].text == talk.text(done.response_id) == server.last.lines[-1].text
        kinds = [name for name in talk.kinds() if name in ("InputCommitted", "ResponseCreated", "AudioDone")]
        assert kinds == ["InputCommitted", "ResponseCreated", "AudioDone"]
        assert bytes(server.last.received)[: len(SPEECH)] == SPEECH
        assert done.usage is not None
        assert done.usage.output_audio_tokens == server.truth.total("output_tokens") > 0
        assert done.usage.input_tokens == server.truth.total("input_tokens")
        once(talk.events)


async def test_without_transcripts_a_turn_is_taken_all_the_same() -> None:
    silent = replace(SETTINGS, transcription=None)
    async with GeminiLive(speed=50) as server, call(server, silent) as talk:
        await talk.hear(SPEECH)
        await talk.silence(700)
        await talk.until(ResponseDone)
        assert len(talk.of(InputCommitted)) == 1
        assert not talk.of(TranscriptFinal)
        assert "inputAudioTranscription" not in messages(server, "setup")[0]


async def test_a_written_turn_goes_as_one_message_when_it_is_asked_about() -> None:
    async with GeminiLive(speed=50) as server, call(server) as talk:
        talk.send(CreateItem(item=written("Ada is calling", "system")))
        talk.ask("count to two")
        done = await talk.until(ResponseDone)
        assert done.response_id == "resp_mine"
        assert toned.sentences(talk.sound("resp_mine"), 24000) == [1, 2]
        assert not talk.of(InputCommitted)
        assert server.last.lines[:2] == [Line("system", "(note: Ada is calling)"), Line("user", "count to two")]
        assert [each["turnComplete"] for each in messages(server, "clientContent")] == [False, True]


async def test_context_does_not_go_into_a_running_answer() -> None:
    async with GeminiLive(speed=10) as server, call(server) as talk:
        talk.ask("count to four")
        await talk.until(AudioDelta)
        talk.send(CreateItem(item=written("Ada is calling", "system")))
        assert (await talk.until(ResponseDone)).status == "completed"
        assert toned.sentences(talk.sound("resp_mine"), 24000) == [1, 2, 3, 4]
        talk.ask("hello", "resp_two")
        await talk.until(ResponseDone, 2)
        assert Line("system", "(note: Ada is calling)") in server.last.lines


async def test_an_answer_can_be_asked_for_without_a_turn() -> None:
    async with GeminiLive(speed=50) as server, call(server, history=(written("count to two"),)) as talk:
        talk.send(Respond(response_id="resp_on", settings=SETTINGS))
        assert (await talk.until(ResponseDone)).response_id == "resp_on"
        assert toned.sentences(talk.sound(), 24000) == [1, 2]
        assert messages(server, "clientContent")[-1] == {"turnComplete": True}


async def test_a_history_is_told_before_anything_else_and_not_answered() -> None:
    history = (
        written("Ada calls", "system"),
        written("where is my order"),
        Item("item_c", "function_call", call_id="c1", name="find", arguments='{"a":1}'),
        Item("item_o", "function_call_output", call_id="c1", name="find", output="shipped"),
        Item("item_a", role="assistant", parts=(Part("output_audio", "It has shipped."),)),
    )
    async with GeminiLive() as server, call(server, history=history) as talk:
        await talk.silence(400)
        await asyncio.sleep(0.2)
        assert not talk.of(ResponseCreated)
        assert messages(server, "setup")[0]["historyConfig"] == {"initialHistoryInClientContent": True}
        (told,) = messages(server, "clientContent")
        assert [(each["role"], each["parts"][0]["text"]) for each in told["turns"]] == [
            ("user", "(note: Ada calls)"),
            ("user", "where is my order"),
            ("model", '(called the function find with {"a":1})'),
            ("user", "(the function find answered: shipped)"),
            ("model", "It has shipped."),
        ]


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize("named", [False, True])
async def test_a_function_is_called_and_its_output_continues(error: bool, named: bool) -> None:
    async with GeminiLive(speed=50, names_calls=named) as server, call(server, TOOLS) as talk:
        talk.ask("use the tool")
        called = await talk.until(ToolCalled)
        assert (called.response_id, called.name, called.arguments) == ("resp_mine", "get_time", '{"zone": "text"}')
        assert (await talk.until(ResponseDone)).response_id == "resp_mine"
        talk.send(CreateItem(item=output(called.call_id, "five", error=error)))
        talk.send(Respond(response_id="resp_next", settings=TOOLS))
        assert (await talk.until(ResponseDone, 2)).response_id == "resp_next"
        assert "The tool says five." in talk.text("resp_next")
        (result,) = server.last.results
        assert (result.id is not None, result.response) == (named, {"error" if error else "output": "five"})
        assert len(messages(server, "clientContent")) == 1
        once(talk.events)


async def test_vertex_is_given_no_ids() -> None:
    async with GeminiLive(speed=50, vertex=True) as server:
        url = server.url.replace(server.path, "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent")
        async with call(server, TOOLS, backend="vertex", project="p", url=url) as talk:
            talk.ask("use the tool")
            called = await talk.until(ToolCalled)
            talk.send(CreateItem(item=output(called.call_id, '{"hour": 5}')))
            await talk.until(ResponseDone, 2)
            assert server.last.results[0].response == {"output": {"hour": 5}}
            assert messages(server, "setup")[0]["model"].startswith("projects/p/locations/us-central1/publishers/")


async def test_speech_into_a_function_calls_it_off() -> None:
    async with GeminiLive(brain=Brain("use the tool", "hello"), speed=50) as server, call(server, TOOLS) as talk:
        await talk.hear(SPEECH)
        await talk.silence(700)
        called = await talk.until(ToolCalled)
        await talk.hear(SPEECH)
        assert (await talk.until(ToolsCancelled)).call_ids == (called.call_id,)
        talk.send(CreateItem(item=output(called.call_id, "too late")))
        await talk.silence(700)
        done = await talk.until(ResponseDone, 2)
        assert talk.text(done.response_id) == "You said hello. That is my answer."
        assert not server.last.results
        assert len(talk.of(InputCommitted)) == 2


@pytest.mark.parametrize("waits", [False, True])
async def test_the_caller_breaks_in(waits: bool) -> None:
    brain = Brain("count to eight", "hello")
    async with GeminiLive(brain=brain, speed=40 if waits else 3, waits=waits) as server, call(server) as talk:
        await talk.hear(SPEECH)
        await talk.silence(700)
        first = await talk.until(ResponseCreated)
        if waits:
            await talk.until(TranscriptFinal)
        await talk.silence(400)
        await talk.hear(SPEECH)
        cut = await talk.until(ReplyCut)
        done = await talk.until(ResponseDone)
        assert cut.response_id == done.response_id == first.response_id
        assert (done.status, done.reason) == ("cancelled", "turn_detected")
        talk.send(Interrupt(response_id=first.response_id))
        at_cut = talk.sound(first.response_id)
        await talk.silence(700)
        second = await talk.until(ResponseCreated, 2)
        assert talk.sound(first.response_id) == at_cut
        await talk.until(AudioDelta, where=lambda each: each.response_id == second.response_id)
        assert toned.number("You said hello.") not in toned.sentences(at_cut, 24000)
        assert talk.of(TranscriptFinal)[0].text == "count to eight"
        assert len(talk.of(InputCommitted)) == 2


async def test_speech_does_not_break_in_where_it_must_not() -> None:
    detection = TurnDetection(interrupt_response=False)
    brain = Brain("count to four", "hello")
    async with (
        GeminiLive(brain=brain, speed=3) as server,
        call(server, replace(SETTINGS, turn_detection=detection)) as t,
    ):
        await t.hear(SPEECH)
        await t.silence(700)
        await t.until(AudioDelta)
        await t.hear(SPEECH)
        await t.silence(700)
        done = await t.until(ResponseDone)
        assert toned.sentences(t.sound(done.response_id), 24000) == [1, 2, 3, 4]
        assert (await t.until(ResponseDone, 2)).status == "completed"
        assert not t.of(ReplyCut)


async def test_a_turn_that_the_client_ends_is_sent_whole() -> None:
    async with GeminiLive(brain=Brain("count to two"), speed=50) as server, call(server, PUSH) as talk:
        await talk.hear(SPEECH)
        talk.send(ClearInput())
        await talk.hear(SPEECH)
        assert not messages(server, "realtimeInput")
        talk.send(CommitInput())
        talk.send(Respond(response_id="resp_mine", settings=PUSH))
        done = await talk.until(ResponseDone)
        assert (done.response_id, len(talk.of(InputCommitted))) == ("resp_mine", 1)
        assert talk.kinds().index("InputCommitted") < talk.kinds().index("ResponseCreated")
        assert talk.of(TranscriptFinal) == [TranscriptFinal(talk.of(InputCommitted)[0].item_id, "count to two")]
        assert bytes(server.last.received).rstrip(b"\0") == SPEECH.rstrip(b"\0")
        kinds = [next(iter(each)) for each in messages(server, "realtimeInput")]
        assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("activityStart", "activityEnd", {"audio"})


async def test_a_commit_while_the_model_listens_ends_what_it_hears() -> None:
    async with GeminiLive(brain=Brain("count to two"), speed=50) as server, call(server) as talk:
        await talk.hear(SPEECH)
        talk.send(CommitInput())
        await talk.until(ResponseDone)
        assert toned.sentences(talk.sound(), 24000) == [1, 2]


async def test_what_is_cancelled_ends_at_once_and_the_next_answer_is_told() -> None:
    async with GeminiLive(speed=4) as server, call(server) as talk:
        talk.ask("count to eight", "resp_one")
        await talk.until(AudioDelta)
        talk.send(Interrupt(response_id="resp_one", reason="client_cancelled"))
        done = await talk.until(ResponseDone)
        assert (done.response_id, done.status, done.reason) == ("resp_one", "cancelled", "client_cancelled")
        heard = len(talk.sound())
        talk.ask("hello", "resp_two")
        assert (await talk.until(ResponseDone, 2)).response_id == "resp_two"
        assert len(talk.sound("resp_one")) == heard
        assert talk.text("resp_two") == "You said hello. That is my answer."
        assert not talk.of(ReplyCut)
        reported = [each.usage for each in talk.of(UsageReported)] + [each.usage for each in talk.of(ResponseDone)]
        told = sum(each.output_tokens for each in reported if each is not None)
        assert told == server.truth.total("output_tokens")
        once(talk.events)


async def test_a_session_that_writes_is_told_the_words_only() -> None:
    settings = replace(SETTINGS, output_modalities=("text",))
    async with GeminiLive(speed=50) as server, call(server, settings) as talk:
        talk.ask("hello", settings=settings)
        done = await talk.until(ResponseDone)
        assert talk.of(ResponseCreated)[0].modalities == ("text",)
        assert talk.text(done.response_id) == "You said hello. That is my answer."
        assert not [each for each in talk.events if isinstance(each, AudioDelta | AudioDone)]
        talk.send(UpdateSession(settings=SETTINGS))
        talk.ask("count to two", "resp_two")
        await talk.until(ResponseDone, 2)
        assert toned.sentences(talk.sound("resp_two"), 24000) == [1, 2]
        assert len(server.connections) == 1


async def test_a_model_that_can_writes_by_itself() -> None:
    settings = replace(SETTINGS, output_modalities=("text",))
    async with GeminiLive(speed=50) as server, call(server, settings, writes="text") as talk:
        talk.ask("hello", settings=settings)
        done = await talk.until(ResponseDone)
        assert talk.text(done.response_id) == "You said hello. That is my answer."
        assert messages(server, "setup")[0]["generationConfig"]["responseModalities"] == ["TEXT"]
        with pytest.raises(Unsupported):
            talk.send(Respond(response_id="r", settings=SETTINGS))


async def test_a_session_is_set_up_as_its_settings_say() -> None:
    settings = replace(
        TOOLS,
        instructions="Be brief.",
        voice="Kore",
        temperature=0.3,
        max_output_tokens=200,
        reasoning_effort="low",
        transcription=Transcription(language="de"),
        turn_detection=TurnDetection(threshold=0.7, silence_duration_ms=800),
    )
    more = {"model": THINKING.removeprefix("models/"), "thinking": "high", "language": "de-DE"}
    async with GeminiLive() as server, call(server, settings, **more):
        assert messages(server, "setup") == [
            {
                "model": THINKING,
                "generationConfig": {
                    "responseModalities": ["AUDIO"],
                    "speechConfig": {
                        "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}},
                        "languageCode": "de-DE",
                    },
                    "temperature": 0.3,
                    "maxOutputTokens": 200,
                    "thinkingConfig": {"thinkingLevel": "LOW"},
                },
                "realtimeInputConfig": {
                    "automaticActivityDetection": {
                        "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
                        "silenceDurationMs": 800,
                    },
                    "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
                },
                "sessionResumption": {},
                "outputAudioTranscription": {},
                "inputAudioTranscription": {"languageCodes": ["de"]},
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "tools": [
                    {
                        "functionDeclarations": [
                            {
                                "name": "get_time",
                                "description": "The time.",
                                "behavior": "BLOCKING",
                                "parametersJsonSchema": TOOL.parameters,
                            }
                        ]
                    }
                ],
                "contextWindowCompression": {"slidingWindow": {}},
            }
        ]
        assert server.last.ear.silence_ms == 800


async def test_instructions_and_functions_change_where_the_model_lets_them() -> None:
    async with GeminiLive(speed=50) as server, call(server, context_update=True) as talk:
        assert {"instructions", "tools"} <= talk.bridge.capabilities.changes
        talk.send(UpdateSession(settings=replace(TOOLS, instructions="Be brief.")))
        talk.ask("use the tool")
        await talk.until(ToolCalled)
        (told,) = messages(server, "contextUpdate")
        assert told["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


COMMANDS: list[Command] = [
    ClearInput(),
    DeleteItem(item_id="i"),
    TruncateItem(item_id="i", content_index=0, audio_end_ms=1),
    UpdateSession(settings=replace(SETTINGS, instructions="Now in French.")),
    Respond(response_id="r", settings=SETTINGS, out_of_band=True),
    Respond(response_id="r", settings=SETTINGS, own_input=True),
    CreateItem(item=Item("i", role="user", parts=(Part("input_audio", None),))),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: type(each).__name__)
async def test_what_cannot_be_is_refused(command: Command) -> None:
    async with GeminiLive() as server, call(server) as talk:
        with pytest.raises(Unsupported):
            talk.send(command)
        assert len(server.last.messages) == 1


async def test_a_model_that_takes_no_content_later_is_written_to_in_real_time() -> None:
    model = RELUCTANT.removeprefix("models/")
    async with GeminiLive(speed=50) as server, call(server, model=model, text_in="realtime_input") as talk:
        assert not {"context_items", "respond"} & talk.bridge.capabilities.can
        for number in (1, 2):
            talk.ask("count to two", f"resp_{number}")
            await talk.until(ResponseDone, number)
            assert toned.sentences(talk.sound(f"resp_{number}"), 24000) == [1, 2]
        with pytest.raises(Unsupported):
            talk.send(CreateItem(item=written("Ada is calling", "system")))
        with pytest.raises(Unsupported):
            talk.send(Respond(response_id="r", settings=SETTINGS))
        assert messages(server, "realtimeInput") == [{"text": "count to two"}] * 2


async def test_its_last_question_is_asked_again_in_real_time() -> None:
    more = {"model": RELUCTANT.removeprefix("models/"), "text_in": "realtime_input"}
    async with GeminiLive(speed=50) as server, call(server, history=(written("count to two"),), **more) as talk:
        talk.send(Respond(response_id="resp_on", settings=SETTINGS))
        assert (await talk.until(ResponseDone)).response_id == "resp_on"
        assert toned.sentences(talk.sound(), 24000) == [1, 2]


async def test_a_session_is_warned_ended_and_taken_up_again() -> None:
    faults = Faults(go_away_s=0.5, session_s=1.5, only_first=True)
    async with GeminiLive(faults=faults, speed=50) as server:
        async with call(server) as talk:
            talk.ask("count to two")
            await talk.until(ResponseDone)
            leaving = await talk.until(GoingAway)
            assert 0 < leaving.time_left_s <= 1.1
            failure = await talk.failed()
            assert (failure.code, failure.retryable) == ("session_expired", True)
            handle = talk.of(Resumable)[-1].handle
        async with call(server, history=(written("count to two"),), resume=handle) as talk:
            assert server.last.lines[0] == Line("user", "count to two")
            assert not messages(server, "clientContent")
            assert messages(server, "setup")[0]["sessionResumption"] == {"handle": handle}


async def test_a_handle_that_is_too_old_is_no_refusal_for_ever() -> None:
    async with GeminiLive() as server, call(server, resume="gone", wait=False) as talk:
        failure = await talk.failed()
        assert (failure.code, failure.retryable) == ("session_expired", True)


async def test_what_is_counted_twice_is_booked_once() -> None:
    async with GeminiLive(faults=Faults(double_done=True), speed=50) as server, call(server) as talk:
        for number in (1, 2):
            talk.ask("hello", f"resp_{number}")
            await talk.until(ResponseDone, number)
        await talk.silence(200)
        used = [each.usage for each in talk.of(ResponseDone)] + [each.usage for each in talk.of(UsageReported)]
        assert sum(each.input_tokens for each in used if each) == server.truth.total("input_tokens")
        once(talk.events)


@pytest.mark.parametrize(
    ("faults", "more", "code", "retryable"),
    [
        (Faults(), {"key": "wrong"}, "unauthorized", False),
        (Faults(), {"model": "gemini-0"}, "refused", False),
        (Faults(refuse=401), {}, "unauthorized", False),
        (Faults(refuse=429, retry_after="7"), {}, "rate_limited", True),
        (Faults(refuse=503), {}, "unavailable", True),
        (Faults(close_after_ms=0, close_code=1011), {}, "unavailable", True),
        (Faults(close_after_ms=0, close_code=1000), {}, "session_expired", True),
        (Faults(close_after_ms=0, close_code=None), {}, "connection_lost", True),
        (Faults(half_open=True), {"ready_s": 0.3}, "timeout", True),
    ],
)
async def test_what_goes_wrong_has_its_code(faults: Faults, more: dict[str, Any], code: str, retryable: bool) -> None:
    async with GeminiLive(faults=faults) as server, call(server, wait=False, **more) as talk:
        await fails_as(talk, server, code, retryable=retryable)


async def test_vertex_needs_a_project() -> None:
    with pytest.raises(ConfigError, match="project"):
        open_bridge("gemini", {"backend": "vertex"})


async def test_text_is_told_as_it_comes() -> None:
    async with GeminiLive(speed=50) as server, call(server) as talk:
        talk.ask("count to two")
        await talk.until(ResponseDone)
        assert [each.text for each in talk.of(TextDelta)] == [
            "Sentence one of the answer.",
            " Sentence two of the answer.",
        ]
