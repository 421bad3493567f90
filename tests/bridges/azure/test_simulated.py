"""The bridge against the simulator, over a real socket, in both forms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.azure.codec import AzureCodec
from bridges.azure.dial import dial
from bridges.options import Azure
from mediaserver.bridge import Opening
from mediaserver.commands import Interrupt, TruncateItem, UpdateSession
from mediaserver.events import (
    AudioDelta,
    Problem,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    TextDone,
    ToolCalled,
    TranscriptFinal,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from tests.bridges.driving import Driving, driving
from tests.servers.azure_realtime import DEPLOYMENT, AzureRealtime
from tests.servers.minds import Brain
from tests.servers.provider import Faults

FORMS = pytest.mark.parametrize("version", ["", "2025-04-01-preview"], ids=["ga", "preview"])
TOOL = Tool("get_weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})


@asynccontextmanager
async def at_work(
    version: str,
    *,
    opening: Opening | None = None,
    ready: bool = True,
    told: dict[str, Any] | None = None,
    **server: Any,
) -> AsyncIterator[tuple[Driving, AzureRealtime]]:
    async with AzureRealtime(**{"speed": 20, **server}) as sim:
        fields = {"key": sim.key, "url": sim.http, "model": DEPLOYMENT, "api_version": version, **(told or {})}
        chosen = Azure(**fields)
        async with driving(AzureCodec(chosen), lambda http: dial(chosen, http), opening, ready=ready) as driven:
            yield driven, sim
            driven.check_order()


@FORMS
@pytest.mark.parametrize("audio_format", ["pcm", "pcmu"])
async def test_a_spoken_turn(version: str, audio_format: str) -> None:
    told = {"audio_format": audio_format}
    async with at_work(version, brain=Brain("count to two"), told=told) as (driven, sim):
        await driven.speak()
        done = await driven.until(ResponseDone)
        assert driven.of(SpeechStarted)
        assert driven.of(TranscriptFinal)[0].text == "count to two"
        assert driven.sound(driven.of(ResponseCreated)[0].response_id) == [1, 2]
        assert driven.of(TextDone)[0].text == "Sentence one of the answer. Sentence two of the answer."
        assert done.usage is not None
        assert done.usage.output_tokens == sim.truth.rows[-1]["output_tokens"]


@FORMS
async def test_a_written_turn_a_function_and_a_response_of_its_own(version: str) -> None:
    settings = Settings("m", tools=(TOOL,))
    async with at_work(version, opening=Opening(settings)) as (driven, _):
        driven.ask("use the tool", settings=settings, metadata=(("a", "b"),))
        call = await driven.until(ToolCalled)
        await driven.until(ResponseDone)
        written = Settings("m", tools=(TOOL,), output_modalities=("text",))
        driven.give(call, "sunny", response_id="r2", settings=written)
        await driven.until(ResponseDone, 2)
        assert driven.of(TextDone)[-1].text.startswith("The tool says sunny.")
        assert [each.response_id for each in driven.of(ResponseCreated)] == ["resp_ours1", "r2"]
        assert not driven.of(AudioDelta)


@FORMS
async def test_history_barge_in_and_update(version: str) -> None:
    history = (
        Item("item_1", role="user", parts=(Part("input_audio", "hello"),)),
        Item("item_2", role="assistant", parts=(Part("output_audio", "Hello."),)),
    )
    async with at_work(version, opening=Opening(Settings("m"), history=history), speed=4) as (driven, sim):
        name = driven.ask("count to nine")
        delta = await driven.until(AudioDelta, 8)
        await driven.speak(speed=4)
        assert (await driven.until(ResponseDone)).reason == "turn_detected"
        driven.send(Interrupt(response_id=name), TruncateItem(item_id=delta.item_id, content_index=0, audio_end_ms=400))
        driven.send(UpdateSession(settings=Settings("m", instructions="Be brief.", transcription=None)))
        await driven.so(lambda: sim.last.session["instructions"] == "Be brief.", "the update")
        assert sim.last.session["audio"]["input"]["transcription"] is None
        assert list(sim.last.items)[:2] == ["item_1", "item_2"]
        assert not driven.of(Problem)


async def test_an_entra_token_is_a_bearer() -> None:
    async with at_work("", told={"bearer": True}) as (_, sim):
        assert sim.last.request.headers["Authorization"] == f"Bearer {sim.key}"
        assert "api-key" not in sim.last.request.headers


@FORMS
@pytest.mark.parametrize(
    ("told", "faults", "code"),
    [
        ({"key": "wrong"}, Faults(), "unauthorized"),
        ({"model": "other"}, Faults(), "refused"),
        ({}, Faults(refuse=429), "rate_limited"),
        ({}, Faults(session_s=0.2), "session_expired"),
        ({}, Faults(close_after_ms=100), "connection_lost"),
    ],
)
async def test_says_why_it_ended(version: str, told: dict[str, str], faults: Faults, code: str) -> None:
    async with at_work(version, told=told, faults=faults, ready=False) as (driven, _):
        failure = await driven.failure()
        assert failure.code == code
