from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mediaserver.audio.files import DecodeLimits
from mediaserver.audio.processing import Processing
from mediaserver.errors import BadRequest, BridgeError
from mediaserver.speech import FileAsk, FileLimits
from signaling.audio import writing
from signaling.audio.asked import Fitted
from signaling.audio.writing import Job, written
from tests.signaling.audio.stage import EVERY, SEGMENTS, WORDS, Ears, hum, read_wav, wav

RATE = 16000
PLAIN = Fitted(FileAsk())
PAUSE = bytes(RATE * 2)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make work of sound in an engine's hands."""
    monkeypatch.setattr(writing, "decoded", read_wav)

    def make(ears: Ears, pcm: bytes = hum(1.5, RATE), fitted: Fitted = PLAIN, at_once: int = 2) -> Job:
        path = tmp_path / "sound"
        path.write_bytes(wav(pcm))
        return Job(ears, path, path.stat().st_size, fitted, DecodeLimits(), at_once)

    return make


async def emitted(job: Job) -> tuple[Any, list[str]]:
    texts: list[str] = []

    async def emit(text: str) -> None:
        texts.append(text)

    return await written(job, emit), texts


async def test_a_short_file_goes_as_it_is_and_its_text_comes_as_it_is_written(job: Any) -> None:
    ears = Ears()
    told, texts = await emitted(job(ears))
    assert (told.text, told.duration, told.language) == (ears.text, 1.5, "en")
    assert texts == ["Hello", " there. Yes?"] and len(ears.heard) == 1


async def test_a_file_whose_sound_was_changed_does_not_go_as_it_came(job: Any) -> None:
    ears = Ears()
    await written(replace(job(ears), process=Processing(loudness=-20.0)))
    assert [sound.kind for sound in ears.heard] == ["flac"]


async def test_an_engine_that_does_not_stream_gives_its_text_at_the_end(job: Any) -> None:
    _, texts = await emitted(job(Ears(file_features=EVERY - {"stream"})))
    assert texts == ["Hello there. Yes?"]


async def test_a_long_file_is_written_down_in_pieces_a_few_at_once_and_joined(job: Any) -> None:
    pcm = (hum(3.0, RATE) + PAUSE) * 4
    ears = Ears(file_limits=FileLimits(max_seconds=4.5), wait=asyncio.Event())
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(emitted(job(ears, pcm, Fitted(FileAsk(words=True, segments=True)))))
        while ears.at_once < 2:
            await asyncio.sleep(0.01)
        ears.wait.set()  # type: ignore[union-attr]
    told, texts = working.result()
    assert len(ears.heard) == 4 and ears.most_at_once == 2
    assert told.text == " ".join([ears.text] * 4) and "".join(texts) == told.text and told.duration == 16.0
    assert len(told.words) == 4 * len(WORDS) and len(told.segments) == 4 * len(SEGMENTS)
    assert told.words[3].start > 3.0 and all(
        a.start <= b.start for a, b in zip(told.words, told.words[1:], strict=False)
    )


async def test_silence_costs_nothing(job: Any) -> None:
    ears = Ears()
    told, texts = await emitted(job(ears, PAUSE * 3))
    assert (told.text, told.duration, texts) == ("", 3.0, []) and not ears.heard
    ears = Ears(file_limits=FileLimits(max_seconds=4.0))
    told, _ = await emitted(job(ears, hum(3.0, RATE) + PAUSE * 9))
    assert len(ears.heard) == 1 and told.text == ears.text


async def test_segments_come_from_words(job: Any) -> None:
    told, _ = await emitted(job(Ears(), fitted=Fitted(FileAsk(words=True))))
    assert [each.text for each in told.segments] == ["Hello there.", "Yes?"]


async def test_segments_come_from_pauses_for_an_engine_that_tells_no_times(job: Any) -> None:
    ears = Ears(file_features=frozenset())
    told, _ = await emitted(job(ears, (hum(8.0, RATE) + PAUSE) * 2, Fitted(FileAsk(), by_pauses=True)))
    assert [(round(each.start), round(each.end)) for each in told.segments] == [(0, 8), (8, 18)]


async def test_speakers_are_told_apart_within_one_request_only(job: Any) -> None:
    ears = Ears(file_limits=FileLimits(max_seconds=1.0))
    with pytest.raises(BadRequest, match="at most 1 seconds"):
        await written(job(ears, fitted=Fitted(FileAsk(speakers=True))))
    assert not ears.heard


@pytest.mark.parametrize("limits", [FileLimits(), FileLimits(max_seconds=4.0)])
async def test_a_failure_is_the_engines_own_and_ends_the_other_pieces(job: Any, limits: FileLimits) -> None:
    ears = Ears(file_limits=limits, fails=BridgeError("no", code="unauthorized"))
    with pytest.raises(BridgeError, match="no"):
        await written(job(ears, (hum(3.0, RATE) + PAUSE) * 4))
    assert ears.at_once == 0


async def test_whoever_stops_waiting_stops_the_engine(job: Any) -> None:
    ears = Ears(file_limits=FileLimits(max_seconds=4.0), wait=asyncio.Event())
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(written(job(ears, (hum(3.0, RATE) + PAUSE) * 4)))
        while ears.at_once < 2:
            await asyncio.sleep(0.01)
        working.cancel()
    assert ears.at_once == 0 and ears.stopped == 2


async def test_calls_do_not_wait_while_a_long_file_is_looked_through_and_joined(
    job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[int] = []

    def noted(work: Any) -> Any:
        def run(*args: Any, **more: Any) -> Any:
            where.append(threading.get_ident())
            return work(*args, **more)

        return run

    monkeypatch.setattr(writing, "plan", noted(writing.plan))
    monkeypatch.setattr(writing, "stitched", noted(writing.stitched))
    await emitted(job(Ears()))
    assert len(where) == 2 and threading.get_ident() not in where
