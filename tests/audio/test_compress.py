import asyncio
import io

import av
import numpy as np
import pytest

from mediaserver.audio.compress import compressed
from mediaserver.audio.files import kind_of
from tests.soundfiles import tone


@pytest.mark.parametrize("kind", ["flac", "ogg"])
async def test_a_piece_of_a_mapped_file_becomes_a_small_one(tmp_path, kind):
    pcm = np.concatenate([tone(16000, 5.0), np.random.default_rng(1).integers(-90, 90, 16000).astype("<i2")])
    pcm.tofile(tmp_path / "a")
    mapped = np.memmap(tmp_path / "a", "<i2", mode="r")
    made = await compressed(mapped[8000:], 16000, kind)
    assert kind_of(made[:4096]) == kind
    assert len(made) < len(pcm)
    with av.open(io.BytesIO(made)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    assert sum(part.shape[-1] for part in frames) / rate == pytest.approx(5.5, abs=0.02)
    if kind == "flac":
        assert np.array_equal(np.concatenate(frames, axis=1)[0], pcm[8000:])


async def test_a_kind_that_is_not_small_is_not_made():
    with pytest.raises(KeyError):
        await compressed(tone(16000, 0.1), 16000, "wav")


async def test_nobody_waits_for_what_nobody_wants():
    task = asyncio.create_task(compressed(np.zeros(16000 * 3000, "<i2"), 16000, "ogg"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
