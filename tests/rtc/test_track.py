"""aiortc tracks on both sides of a call, without a call."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import av
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from mediaserver.rtc.track import QUEUE_FRAMES, PeerTrack, pump

RATE = 16000
FRAME = RATE // 50


async def test_frames_come_out_as_they_went_in() -> None:
    track = PeerTrack(RATE)
    track.push(b"\x01\x00" * FRAME)
    track.push(b"\x02\x00" * FRAME)
    first, second = await track.recv(), await track.recv()
    assert bytes(first.planes[0])[: FRAME * 2] == b"\x01\x00" * FRAME
    assert (first.sample_rate, first.samples, first.pts, second.pts) == (RATE, FRAME, 0, FRAME)
    assert first.time_base == Fraction(1, RATE)


async def test_a_reader_that_is_late_loses_the_oldest_and_sees_the_gap() -> None:
    track = PeerTrack(RATE)
    for n in range(QUEUE_FRAMES + 10):
        track.push(bytes([n, 0]) * FRAME)
    frame = await track.recv()
    assert track.dropped == 10
    assert bytes(frame.planes[0])[0] == 10
    assert frame.pts == 10 * FRAME


async def test_a_waiting_reader_wakes_for_sound_and_for_the_end() -> None:
    track = PeerTrack(RATE)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(track.recv())
        await asyncio.sleep(0)
        track.push(bytes(FRAME * 2))
        assert (await waiting).samples == FRAME
        ending = tasks.create_task(ended(track))
        await asyncio.sleep(0)
        track.stop()
        assert await ending
    track.push(bytes(FRAME * 2))
    with pytest.raises(MediaStreamError):
        await track.recv()


async def ended(track: PeerTrack) -> bool:
    try:
        await track.recv()
    except MediaStreamError:
        return True
    return False


class Clip(MediaStreamTrack):
    """``frames`` frames of 48 kHz stereo as fast as they are read."""

    kind = "audio"

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.left = frames

    async def recv(self) -> av.AudioFrame:
        if not self.left:
            raise MediaStreamError
        self.left -= 1
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(b"\x10\x00" * 1920)
        frame.sample_rate, frame.pts, frame.time_base = 48000, None, Fraction(1, 48000)
        return frame


async def test_any_track_is_a_source() -> None:
    pushed: list[bytes] = []
    await pump(Clip(50), RATE, pushed.append, lambda: 0)
    assert abs(sum(map(len, pushed)) // 2 - RATE) < 100


async def test_a_source_that_keeps_no_time_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pushed = bytearray()
    await pump(Clip(150), RATE, pushed.extend, lambda: 0)
    assert slept
    assert max(slept) < 1.1
