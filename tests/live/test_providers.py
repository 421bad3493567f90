"""Talks with the real providers, one written and one spoken turn each, where their keys are in the environment.

``pytest -m live`` runs these alone. What they do is tried on the simulators first, so that a failure is the provider's news.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import soxr

from mediaserver.bridge import Opening
from mediaserver.events import AudioDelta, ResponseDone, TextDelta, TextDone, TranscriptFinal
from mediaserver.settings import Settings
from scripts.record import CODECS, FROM_ENVIRONMENT, made
from tests import clips
from tests.bridges.driving import Driving, driving
from tests.servers import toned
from tests.servers.fleet import FLEET

LIMIT_S = 90
SETTINGS = Settings("m", instructions="You are on the telephone. Answer in one short sentence.")
LISTENERS = tuple(CODECS)
READERS = tuple(provider for provider in CODECS if provider != "live")
"""Those that take written turns: all but GPT-Live, see its page."""


@asynccontextmanager
async def real(provider: str) -> AsyncIterator[Driving]:
    """Hold a session with a provider, or skip the test: the reason names what is not set."""
    names = FROM_ENVIRONMENT[provider]
    missing = [name for name in names.values() if not os.environ.get(name)]
    if missing:
        pytest.skip(f"no {', '.join(missing)} in the environment")
    async with talking(provider, {option: os.environ[name] for option, name in names.items()}) as driven:
        yield driven


@asynccontextmanager
async def talking(provider: str, options: dict[str, Any]) -> AsyncIterator[Driving]:
    """Hold a session with these options."""
    codec, dial = made(provider, options)
    async with asyncio.timeout(LIMIT_S), driving(codec, dial, Opening(SETTINGS)) as driven:
        yield driven


async def written_turn(driven: Driving) -> None:
    """Ask in writing; the answer is spoken, with its words."""
    before = len(driven.of(ResponseDone))
    driven.ask("What is two plus three? Say the number.", settings=SETTINGS)
    await answered(driven, before)


async def spoken_turn(driven: Driving, speech: bytes, speed: float) -> None:
    """Ask aloud, with the silence of a line behind it; what was said is understood, and the answer is spoken."""
    before = len(driven.of(ResponseDone))
    await driven.speak(speech, speed=speed, silence_s=3)
    await answered(driven, before)
    if "transcripts" in driven.bridge.capabilities.can:
        final = await driven.until(TranscriptFinal)
        assert final.text.strip()


async def answered(driven: Driving, before: int) -> None:
    """Wait for an answer that is complete, after the ones ``before`` (an agent's greeting may be interrupted)."""
    await driven.so(lambda: any(done.status == "completed" for done in driven.of(ResponseDone)[before:]), "answer")
    sound = sum(len(event.pcm) for event in driven.of(AudioDelta))
    assert sound / 2 / driven.bridge.capabilities.output_rate > 0.2
    assert any(event.text.strip() for event in (*driven.of(TextDelta), *driven.of(TextDone)))
    driven.check_order()


def question(rate: int) -> bytes:
    samples = np.frombuffer(clips.clip("goforward").pcm, np.int16)
    return soxr.resample(samples, clips.RATE, rate).astype(np.int16).tobytes()


@pytest.mark.live
@pytest.mark.parametrize("provider", READERS)
async def test_a_written_turn(provider):
    async with real(provider) as driven:
        await written_turn(driven)


@pytest.mark.live
@pytest.mark.parametrize("provider", LISTENERS)
async def test_a_spoken_turn(provider):
    async with real(provider) as driven:
        await spoken_turn(driven, question(driven.bridge.capabilities.input_rate), 1.0)


@pytest.mark.parametrize("provider", READERS)
async def test_the_written_turn_on_the_simulator(provider):
    async with FLEET[provider].make() as simulator, talking(provider, FLEET[provider].options(simulator)) as driven:
        await written_turn(driven)


@pytest.mark.parametrize("provider", LISTENERS)
async def test_the_spoken_turn_on_the_simulator(provider):
    async with FLEET[provider].make() as simulator, talking(provider, FLEET[provider].options(simulator)) as driven:
        await spoken_turn(driven, toned.speak(9, 4, driven.bridge.capabilities.input_rate), 10.0)
