"""The bridge against the simulator, over a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.openai.codec import OpenAICodec
from bridges.openai.dial import dial
from bridges.options import OpenAI
from mediaserver.bridge import Opening
from mediaserver.commands import (
    ClearInput,
    CommitInput,
    CreateItem,
    DeleteItem,
    Interrupt,
    Respond,
    TruncateItem,
    UpdateSession,
)
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    InputCleared,
    InputCommitted,
    Problem,
    RateLimitsUpdated,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    ResponseRefused,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    ToolCalled,
    TranscriptFinal,
    TranscriptPartial,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from tests.bridges.driving import Driving, driving
from tests.servers.minds import Brain
from tests.servers.openai_realtime import OpenAIRealtime
from tests.servers.provider import GARBAGE, Faults

TOOL = Tool("get_weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
MANUAL = Settings("m", turn_detection=None)


@asynccontextmanager
async def at_work(
    *, opening: Opening | None = None, ready: bool = True, told: dict[str, Any] | None = None, **server: Any
) -> AsyncIterator[tuple[Driving, OpenAIRealtime]]:
    async with OpenAIRealtime(**{"speed": 20, **server}) as sim:
        chosen = OpenAI(**{"key": sim.key, "url": sim.url, **(told or {})})
        async with driving(OpenAICodec(chosen), lambda http: dial(chosen, http), opening, ready=ready) as driven:
            yield driven, sim
            driven.check_order()


@pytest.mark.parametrize("audio_format", ["pcm", "pcmu", "pcma"])
async def test_a_spoken_turn(audio_format: str) -> None:
    async with at_work(brain=Brain("count to three"), told={"audio_format": audio_format}) as (driven, sim):
        sent = await driven.speak()
        done = await driven.until(ResponseDone)
        started, stopped = driven.of(SpeechStarted)[0], driven.of(SpeechStopped)[0]
        assert started.item_id == stopped.item_id == driven.of(InputCommitted)[0].item_id
        assert 0 <= started.audio_start_ms < 100
        assert abs(stopped.audio_end_ms - 1620) <= 60
        assert driven.of(TranscriptPartial)[-1].text == driven.of(TranscriptFinal)[0].text == "count to three"
        created = driven.of(ResponseCreated)[0]
        assert (created.modalities, done.status) == (("audio",), "completed")
        assert driven.sound(created.response_id) == [1, 2, 3]
        assert driven.of(TextDone)[0].text == "".join(event.text for event in driven.of(TextDelta))
        assert len(driven.of(AudioDone)) == 1
        assert done.usage is not None
        assert done.usage.output_tokens == sim.truth.rows[-1]["output_tokens"] > 0
        assert driven.of(RateLimitsUpdated)
        await driven.so(lambda: len(sim.last.received) == len(sent), "all sound")
        if audio_format == "pcm":
            assert bytes(sim.last.received) == sent


async def test_a_written_turn_carries_our_name_and_the_clients_metadata() -> None:
    async with at_work() as (driven, _):
        name = driven.ask("count to two", metadata=(("topic", "x"),))
        done = await driven.until(ResponseDone)
        created = driven.of(ResponseCreated)[0]
        assert (created.response_id, done.response_id, created.metadata) == (name, name, (("topic", "x"),))
        assert driven.sound(name) == [1, 2]


async def test_more_metadata_than_leaves_room_for_our_name() -> None:
    async with at_work() as (driven, _):
        full = tuple((f"key{n}", "value") for n in range(16))
        name = driven.ask("hello", metadata=full)
        assert (await driven.until(ResponseDone)).response_id == name
        assert driven.of(ResponseCreated)[0].metadata == full


async def test_an_answer_in_writing() -> None:
    settings = Settings("m", output_modalities=("text",))
    async with at_work(opening=Opening(settings)) as (driven, _):
        driven.ask("hello", settings=settings)
        await driven.until(ResponseDone)
        assert driven.of(TextDone)[0].text == "You said hello. That is my answer."
        assert driven.of(ResponseCreated)[0].modalities == ("text",)
        assert not driven.of(AudioDelta)


async def test_a_function_is_called_and_its_output_answered() -> None:
    settings = Settings("m", tools=(TOOL,))
    async with at_work(opening=Opening(settings)) as (driven, _):
        driven.ask("use the tool", settings=settings)
        call = await driven.until(ToolCalled)
        assert (call.name, call.arguments) == ("get_weather", '{"city": "text"}')
        await driven.until(ResponseDone)
        driven.give(call, "sunny", response_id="r2", settings=settings)
        await driven.until(ResponseDone, 2)
        assert driven.of(TextDone)[0].text.startswith("The tool says sunny.")
        assert len(driven.of(ToolCalled)) == 1


async def test_the_caller_breaks_in_and_the_provider_learns_what_was_heard() -> None:
    async with at_work(speed=4, brain=Brain("what time is it")) as (driven, sim):
        name = driven.ask("count to nine")
        delta = await driven.until(AudioDelta, 8)
        await driven.speak(speed=4)
        done = await driven.until(ResponseDone)
        assert (done.response_id, done.status, done.reason) == (name, "cancelled", "turn_detected")
        assert driven.of(ReplyCut) == [ReplyCut(name)]
        driven.send(Interrupt(response_id=name, item_id=delta.item_id, played_ms=400))
        driven.send(TruncateItem(item_id=delta.item_id, content_index=0, audio_end_ms=400))
        await driven.until(ResponseDone, 2)
        assert sim.last.items[delta.item_id].line.text == "Sentence"
        assert not driven.of(Problem)
        assert not any(message.get("type") == "response.cancel" for message in sim.last.messages)


async def test_the_client_stops_a_reply() -> None:
    async with at_work(speed=4) as (driven, _):
        name = driven.ask("count to nine")
        await driven.until(AudioDelta)
        driven.send(Interrupt(response_id=name, reason="client_cancelled"))
        told = len(driven.events)
        done = await driven.until(ResponseDone)
        assert (done.status, done.reason) == ("cancelled", "client_cancelled")
        assert driven.events[told:] == [done]
        driven.send(Interrupt(response_id=name, reason="client_cancelled"))


async def test_a_reply_is_stopped_before_it_began() -> None:
    async with at_work(speed=4) as (driven, _):
        name = driven.ask("count to nine")
        driven.send(Interrupt(response_id=name, reason="client_cancelled"))
        done = await driven.until(ResponseDone)
        assert done.status == "cancelled"
        assert not driven.of(AudioDelta)


async def test_a_second_answer_while_one_is_made_is_refused_under_its_name() -> None:
    async with at_work(speed=4) as (driven, _):
        driven.ask("count to four")
        await driven.until(AudioDelta)
        second = driven.ask("hello")
        refused = await driven.until(ResponseRefused)
        assert (refused.response_id, refused.code) == (second, "conversation_already_has_active_response")
        assert (await driven.until(ResponseDone)).response_id == "resp_ours1"


async def test_an_answer_outside_the_conversation_runs_beside_one_in_it() -> None:
    async with at_work(speed=4) as (driven, sim):
        driven.ask("count to four")
        await driven.until(AudioDelta)
        item = Item("item_x", role="user", parts=(Part("input_text", "summarise"),))
        settings = Settings("m", output_modalities=("text",), instructions="Be brief.")
        command = Respond(
            response_id="side",
            settings=settings,
            items=(item,),
            own_input=True,
            out_of_band=True,
            metadata=(("a", "b"),),
        )
        driven.send(command)
        await driven.until(ResponseDone, 2)
        created = driven.of(ResponseCreated)[1]
        assert (created.response_id, created.out_of_band, created.metadata) == ("side", True, (("a", "b"),))
        assert driven.of(TextDone)[0].text == "You said summarise. That is my answer."
        assert driven.sound("resp_ours1") == [1, 2, 3, 4]
        assert len(sim.last.items) == 2


async def test_push_to_talk() -> None:
    async with at_work(opening=Opening(MANUAL)) as (driven, _):
        driven.send(CommitInput(event_id="mine"))
        problem = await driven.until(Problem)
        assert (problem.code, problem.client_event_id) == ("input_audio_buffer_commit_empty", "mine")
        await driven.speak()
        driven.send(ClearInput())
        await driven.until(InputCleared)
        await driven.speak()
        driven.send(CommitInput(), Respond(response_id="r", settings=MANUAL))
        assert (await driven.until(ResponseDone)).response_id == "r"
        assert len(driven.of(InputCommitted)) == 1
        assert not driven.of(SpeechStarted)


async def test_turns_without_an_answer_and_without_interruption() -> None:
    turns = TurnDetection(create_response=False, interrupt_response=False)
    settings = Settings("m", turn_detection=turns)
    async with at_work(opening=Opening(settings), speed=4) as (driven, _):
        driven.ask("count to nine", settings=settings)
        await driven.until(AudioDelta)
        await driven.speak()
        await driven.until(InputCommitted)
        done = await driven.until(ResponseDone)
        assert done.status == "completed"
        assert len(driven.of(ResponseCreated)) == 1


async def test_settings_change_in_mid_session_and_a_refusal_names_its_request() -> None:
    async with at_work(opening=Opening(Settings("m", voice="marin"))) as (driven, sim):
        driven.ask("hello", settings=Settings("m", voice="marin"))
        await driven.until(ResponseDone)
        after = Settings("m", voice="marin", instructions="Be brief.", transcription=None, tools=(TOOL,))
        driven.send(UpdateSession(settings=after))
        await driven.so(lambda: sim.last.session["instructions"] == "Be brief.", "the update")
        assert sim.last.session["audio"]["input"]["transcription"] is None
        assert sim.last.session["audio"]["output"]["voice"] == "marin"
        driven.send(UpdateSession(settings=Settings("m", voice="cedar"), event_id="mine"))
        problem = await driven.until(Problem)
        assert (problem.code, problem.client_event_id) == ("cannot_update_voice", "mine")


async def test_begins_with_what_was_said_before() -> None:
    history = (
        Item("item_1", role="user", parts=(Part("input_audio", "count to three"),)),
        Item("item_2", role="user", parts=(Part("input_audio", None),)),
        Item("item_3", role="assistant", parts=(Part("output_audio", "Sentence one of the answer. Sentence two"),)),
        Item("item_4", kind="function_call", call_id="call_1", name="f", arguments="{}"),
        Item("item_5", kind="function_call_output", call_id="call_1", output="done"),
        Item("item_6", role="system", parts=(Part("input_text", "now continue"),)),
    )
    async with at_work(opening=Opening(Settings("m"), history=history)) as (driven, sim):
        driven.send(Respond(response_id="r", settings=Settings("m")))
        await driven.until(ResponseDone)
        assert list(sim.last.items)[:5] == ["item_1", "item_3", "item_4", "item_5", "item_6"]
        assert not driven.of(Problem)


async def test_items_are_put_in_place_and_taken_out() -> None:
    async with at_work() as (driven, sim):
        first = Item("item_a", role="system", parts=(Part("input_text", "A"),))
        driven.send(
            CreateItem(item=first), CreateItem(item=Item("item_b", role="user", parts=(Part("input_text", "B"),)))
        )
        driven.send(
            CreateItem(
                item=Item("item_c", role="assistant", parts=(Part("output_text", "C"),)), previous_item_id="root"
            )
        )
        await driven.so(lambda: list(sim.last.items) == ["item_c", "item_a", "item_b"], "three items")
        driven.send(DeleteItem(item_id="item_a"), DeleteItem(item_id="item_a", event_id="twice"))
        assert (await driven.until(Problem)).client_event_id == "twice"
        assert list(sim.last.items) == ["item_c", "item_b"]


async def test_a_cut_that_nobody_heard_is_taken_out_of_the_memory() -> None:
    async with at_work() as (driven, sim):
        item = Item("item_a", role="assistant", parts=(Part("output_text", "A"),))
        driven.send(CreateItem(item=item), TruncateItem(item_id="item_a", content_index=0, audio_end_ms=0))
        await driven.so(lambda: not sim.last.items and len(sim.last.messages) > 3, "its removal")
        assert not driven.of(Problem)


@pytest.mark.parametrize(
    ("faults", "code", "retry_after"),
    [
        (Faults(refuse=401), "unauthorized", None),
        (Faults(refuse=429, retry_after="7"), "rate_limited", 7.0),
        (Faults(refuse=503), "unavailable", None),
        (Faults(session_s=0.3), "session_expired", None),
        (Faults(close_after_ms=200), "connection_lost", None),
        (Faults(close_after_ms=200, close_code=None), "connection_lost", None),
    ],
)
async def test_says_why_it_ended(faults: Faults, code: str, retry_after: float | None) -> None:
    async with at_work(faults=faults, ready=False) as (driven, _):
        failure = await driven.failure()
        assert (failure.code, failure.retry_after) == (code, retry_after)


@pytest.mark.parametrize(
    ("told", "code"), [({"key": "wrong"}, "unauthorized"), ({"model": "gpt-4o-realtime-preview"}, "refused")]
)
async def test_a_wrong_key_or_model_is_not_tried_again(told: dict[str, str], code: str) -> None:
    async with at_work(told=told, ready=False) as (driven, _):
        failure = await driven.failure()
        assert (failure.code, failure.retryable) == (code, False)
        assert "wrong" not in str(failure)


async def test_a_configuration_that_is_refused_ends_it_at_once() -> None:
    settings = Settings("m", noise_reduction="none_such")
    async with at_work(opening=Opening(settings), ready=False) as (driven, _):
        failure = await driven.failure()
        assert (failure.code, failure.retryable) == ("refused", False)
        assert "noise_reduction" in str(failure)


@pytest.mark.parametrize("name", sorted({*GARBAGE, "bad_base64", "odd_pcm", "wrong_types", "out_of_order"}))
async def test_garbage_ends_at_most_the_call(name: str) -> None:
    async with at_work(faults=Faults(garbage=(name,) * 3)) as (driven, _):
        driven.ask("hello")
        ended = await driven.either(ResponseDone)
        assert ended is (name not in {"unknown_event", "huge_number", "out_of_order"})
        if ended:
            failure = await driven.failure()
            assert failure.code == ("too_large" if name == "oversize" else "protocol_error")


async def test_a_response_that_ends_twice_ends_once() -> None:
    async with at_work(faults=Faults(double_done=True)) as (driven, sim):
        driven.ask("hello")
        await driven.until(ResponseDone)
        driven.ask("again")
        await driven.until(ResponseDone, 2)
        assert len(driven.of(ResponseDone)) == 2
        assert sim.truth.total("output_tokens") == sum(
            each.usage.output_tokens for each in driven.of(ResponseDone) if each.usage
        )


async def test_a_transcriber_of_ours_becomes_one_of_theirs() -> None:
    settings = Settings("m", transcription=Transcription(model="local", language="en", keywords=("aiortc",)))
    async with at_work(opening=Opening(settings)) as (_, sim):
        told = sim.last.session["audio"]["input"]["transcription"]
        assert told == {"model": "gpt-transcribe", "language": "en", "keywords": ["aiortc"]}
