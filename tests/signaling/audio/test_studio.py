from __future__ import annotations

from pathlib import Path

import pytest

from mediaserver.audio.presets import PRESETS
from mediaserver.audio.processing import Processing
from mediaserver.errors import BadRequest, Forbidden, NotFound
from mediaserver.gateway.principal import Principal
from signaling.audio.asked import Wanted
from signaling.audio.upload import Received
from signaling.audio.wish import Wish
from tests.signaling.audio.stage import Ears, stage

ANYONE = Principal("ann", frozenset())
NOBODY = Principal("bob", frozenset(), models=frozenset())
FILE = Received(Path("x"), 10, "a.wav")


async def test_a_file_is_work_for_an_engine() -> None:
    async with stage(pieces=7, max_duration_s=60) as here:
        job = await here.studio.job(ANYONE, Wanted("far", "srt"), FILE)
        assert job.engine is here.ears and job.fitted.ask.segments
        assert (job.limits.max_seconds, job.at_once, job.size) == (60, 7, 10)
        with pytest.raises(Forbidden):
            await here.studio.job(NOBODY, Wanted("far"), FILE)
        with pytest.raises(NotFound):
            await here.studio.job(ANYONE, Wanted("none"), FILE)


async def test_files_are_processed_and_written_as_the_operator_wants() -> None:
    async with stage(preset="quality", loudness=-20.0) as here:
        job = await here.studio.job(ANYONE, Wanted("far"), FILE)
        assert (job.process, job.preset) == (Processing(loudness=-20.0), PRESETS["quality"])
        assert (await here.studio.speaker(ANYONE, Wish("x", "far"))).preset is PRESETS["quality"]


async def test_what_the_engine_cannot() -> None:
    async with stage(Ears(file_features=frozenset())) as here:
        with pytest.raises(BadRequest):
            await here.studio.job(ANYONE, Wanted("far", prompt="x"), FILE)


async def test_a_text_has_an_engine_and_a_voice() -> None:
    async with stage(speech={"far": {"voice": "bob"}}, voice_aliases={"alloy": "ann"}) as here:
        for asked, voice in (("", "bob"), ("ann", "ann"), ("alloy", "ann")):
            speaking = await here.studio.speaker(ANYONE, Wish("x", "far", asked))
            assert speaking.engine is here.mouth and speaking.voice == voice
        with pytest.raises(Forbidden):
            await here.studio.speaker(NOBODY, Wish("x", "far"))
