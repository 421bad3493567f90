"""The bridge against the simulator, over a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.options import Xai
from bridges.xai.codec import XaiCodec
from bridges.xai.dial import dial
from mediaserver.bridge import Opening
from mediaserver.commands import (
    ClearInput,
    CommitInput,
    DeleteItem,
    Interrupt,
    Respond,
    TruncateItem,
    UpdateSession,
)
from mediaserver.errors import Unsupported
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    InputCleared,
    InputCommitted,
    Problem,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    Resumable,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    ToolCalled,
    TranscriptFinal,
    TranscriptPartial,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, Transcription
from tests.bridges.driving import Driving, driving
from tests.servers.minds import Brain
from tests.servers.provider import Faults
from tests.servers.xai_realtime import XaiRealtime

TOOL = Tool("get_weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})


@asynccontextmanager
async def at_work(
    *, opening: Opening | None = None, ready: bool = True, told: dict[str, Any] | None = None, **server: Any
) -> AsyncIterator[tuple[Driving, XaiRealtime]]:
    async with XaiRealtime(**{"speed": 20, **server}) as sim, joined(sim, opening, ready=ready, told=told) as driven:
        yield driven, sim


@asynccontextmanager
async def joined(
    sim: XaiRealtime, opening: Opening | None = None, *, ready: bool = True, told: dict[str, Any] | None = None
) -> AsyncIterator[Driving]:
    chosen = Xai(**{"key": sim.key, "url": sim.url, **(told or {})})
    async with driving(XaiCodec(chosen), lambda http: dial(chosen, http), opening, ready=ready) as driven:
        yield driven
        driven.check_order()


@pytest.mark.parametrize("audio_format", ["pcm", "pcma"])
async def test_a_spoken_turn(audio_format: str) -> None:
    settings = Settings("m", voice="Ara", transcription=Transcription(language="en", keywords=("aiortc",)))
    told = {"audio_format": audio_format}
    async with at_work(brain=Brain("count to three"), opening=Opening(settings), told=told) as (driven, sim):
        await driven.speak()
        done = await driven.until(ResponseDone)
        assert driven.of(SpeechStarted)[0].item_id == driven.of(InputCommitted)[0].item_id
        assert 0 < driven.of(SpeechStarted)[0].audio_start_ms < driven.of(SpeechStopped)[0].audio_end_ms
        assert [each.text for each in driven.of(TranscriptPartial)][:3] == ["count", "count to", "count to three"]
        assert [each.text for each in driven.of(TranscriptFinal)] == ["count to three"]
        assert driven.sound(driven.of(ResponseCreated)[0].response_id) == [1, 2, 3]
        assert driven.of(TextDone)[0].text == "".join(each.text for each in driven.of(TextDelta))
        assert len(driven.of(AudioDone)) == 1
        assert (done.status, done.usage) == ("completed", None)
        assert sim.last.session["audio"]["output"]["voice"] == "ara"
        assert sim.last.session["audio"]["input"]["transcription"]["language_hint"] == "en"
        assert not driven.codec.unknown


async def test_a_written_turn_a_function_and_its_output() -> None:
    settings = Settings("m", tools=(TOOL,))
    async with at_work(opening=Opening(settings)) as (driven, sim):
        name = driven.ask("use the tool", settings=settings, metadata=(("a", "b"),))
        call = await driven.until(ToolCalled)
        await driven.until(ResponseDone)
        driven.give(call, "sunny", response_id="r2", settings=settings)
        await driven.until(ResponseDone, 2)
        assert driven.of(TextDone)[0].text.startswith("The tool says sunny.")
        assert [each.response_id for each in driven.of(ResponseCreated)] == [name, "r2"]
        assert driven.of(ResponseCreated)[0].metadata == (("a", "b"),)
        assert len(driven.of(ToolCalled)) == 1
        billed = [each for each in driven.of(UsageReported) if each.kind == "text_item"]
        assert len(billed) == sim.truth.total("items") == 1


async def test_the_caller_breaks_in_and_the_client_stops() -> None:
    async with at_work(speed=4) as (driven, _):
        name = driven.ask("count to nine")
        await driven.until(AudioDelta, 4)
        await driven.speak(speed=4)
        assert (await driven.until(ResponseDone)).status == "cancelled"
        assert driven.of(ReplyCut) == [ReplyCut(name)]
        await driven.until(ResponseDone, 2)
        name = driven.ask("count to nine")
        await driven.until(ResponseCreated, 3)
        driven.send(Interrupt(response_id=name, reason="client_cancelled"))
        assert (await driven.until(ResponseDone, 3)).status == "cancelled"
        assert not driven.of(Problem)


async def test_what_it_cannot_do_is_refused_before_anything_is_sent() -> None:
    async with at_work() as (driven, sim):
        side = Respond(response_id="r", settings=Settings("m"), out_of_band=True)
        voice = Respond(response_id="r", settings=Settings("m", voice="leo"))
        for command in (TruncateItem(item_id="i", content_index=0, audio_end_ms=1), side, voice):
            with pytest.raises(Unsupported):
                driven.send(command)
        brief = Settings("m", instructions="Be brief.")
        driven.ask("hello", settings=brief)
        await driven.until(ResponseDone)
        assert sim.last.messages[-1]["response"] == {"instructions": "Be brief."}


async def test_push_to_talk_is_metered_by_sound_both_ways() -> None:
    settings = Settings("m", turn_detection=None)
    async with at_work(opening=Opening(settings)) as (driven, sim):
        await driven.speak()
        driven.send(ClearInput())
        await driven.until(InputCleared)
        await driven.speak()
        driven.send(CommitInput(), Respond(response_id="r", settings=settings))
        await driven.until(ResponseDone)
        assert not driven.of(SpeechStarted)
        await driven.so(lambda: sum(each.usage.seconds for each in driven.of(UsageReported)) > 6, "usage")
        told = sum(each.usage.seconds for each in driven.of(UsageReported))
    assert abs(told - sim.truth.total("seconds", "session")) <= 1.0


async def test_connected_time_is_metered_by_the_sound_sent() -> None:
    async with at_work() as (driven, sim):
        await driven.speak(silence_s=4.0)
        await driven.until(ResponseDone)
        await driven.so(lambda: sum(each.usage.seconds for each in driven.of(UsageReported)) > 4, "usage")
        told = driven.of(UsageReported)
        assert len({each.key for each in told}) == len(told)
    assert abs(sum(each.usage.seconds for each in told) - sim.truth.total("heard")) <= 1.0


async def test_a_lost_connection_is_gone_on_with() -> None:
    async with XaiRealtime(speed=20) as sim:
        async with joined(sim) as driven:
            driven.ask("count to three")
            await driven.until(ResponseDone)
            handle = driven.of(Resumable)[0].handle
            items = list(sim.last.items)
        history = (Item("item_1", role="user", parts=(Part("input_text", "known"),)),)
        async with joined(sim, Opening(Settings("m"), history=history, resume=handle)) as again:
            again.ask("hello")
            await again.until(ResponseDone)
            assert list(sim.last.items)[: len(items)] == items
            assert "item_1" not in sim.last.items
            assert again.of(Resumable)[0].handle == handle


async def test_history_is_told_where_nothing_is_resumed() -> None:
    history = (
        Item("item_1", role="user", parts=(Part("input_audio", "hello"),)),
        Item("item_2", role="assistant", parts=(Part("output_audio", "Hello."),)),
    )
    async with at_work(opening=Opening(Settings("m"), history=history)) as (driven, sim):
        driven.ask("hello")
        await driven.until(ResponseDone)
        assert list(sim.last.items)[:2] == ["item_1", "item_2"]
        driven.send(DeleteItem(item_id="item_1"))
        await driven.so(lambda: "item_1" not in sim.last.items, "its removal")


async def test_settings_change_in_mid_session() -> None:
    async with at_work() as (driven, sim):
        driven.send(UpdateSession(settings=Settings("m", instructions="Be brief.", voice="leo", turn_detection=None)))
        await driven.so(lambda: sim.last.session["instructions"] == "Be brief.", "the update")
        assert sim.last.session["audio"]["output"]["voice"] == "leo"
        assert sim.last.session["audio"]["input"]["turn_detection"] is None
        assert not driven.of(Problem)


@pytest.mark.parametrize(
    ("told", "faults", "code"),
    [
        ({"key": "wrong"}, Faults(), "unauthorized"),
        ({"model": "other"}, Faults(), "refused"),
        ({}, Faults(refuse=429, retry_after="3"), "rate_limited"),
        ({}, Faults(session_s=0.2), "connection_lost"),
        ({}, Faults(close_after_ms=100, close_code=None), "connection_lost"),
    ],
)
async def test_says_why_it_ended(told: dict[str, str], faults: Faults, code: str) -> None:
    async with at_work(told=told, faults=faults, ready=False) as (driven, _):
        failure = await driven.failure()
        assert failure.code == code
