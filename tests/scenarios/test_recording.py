"""Real calls that are recorded: both sides are there, in time, and the call does not care what the disk does."""

from __future__ import annotations

import asyncio
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from mediaserver.audio import recorder
from mediaserver.config import Config, Media, Model, Recording
from mediaserver.errors import ConfigError
from signaling.app import build
from tests.signaling.doors import KEY
from tests.signaling.houses import LIMIT_S, House, house, phone
from tests.signaling.sockets import line
from tests.signaling.test_app import Recording as Track
from tests.signaling.test_app import loudest, tone

pytestmark = pytest.mark.alone

RATE = 24000
"""Both rates of the echo, in Hz."""


def recorded(folder: Path, **how: str) -> Config:
    media = Media(port=0, addresses=("127.0.0.1",))
    return Config(media=media, recording=Recording(folder=str(folder), **how))  # type: ignore[arg-type]


def beeps(seconds: int, rate: int) -> np.ndarray:
    """A fifth of a second of 400 Hz in the middle of every second."""
    at = np.arange(seconds * rate) / rate
    return (8000 * np.sin(2 * np.pi * 400 * at) * (np.abs(at % 1 - 0.5) < 0.1)).astype("<i2")


def onsets(side: np.ndarray) -> np.ndarray:
    """Return where each beep begins, in seconds."""
    loud = np.flatnonzero(np.abs(side.astype(int)) > 2000)
    return loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 5)] / RATE


def usual(caller: np.ndarray, server: np.ndarray) -> tuple[float, float]:
    """Return the usual time between two beeps of the caller, and from a beep to its echo; a busy machine spoils a few."""
    assert len(caller) >= 3 and len(server) >= 3
    echoes = [at - caller[caller < at].max() for at in server if at > caller[0]]
    return float(np.median(np.diff(caller))), float(np.median(echoes))


async def sides(folder: Path) -> np.ndarray:
    """Return the two sides of the only recording, once it is complete."""
    async with asyncio.timeout(LIMIT_S):
        while not (found := list(folder.glob("*.wav"))):
            await asyncio.sleep(0.02)
    with wave.open(str(found[0]), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T


async def talked(client: House, track: Track, seconds: float) -> str:
    """Hold a call with the echo and hang up; return its place."""
    async with phone(client, "?model=echo", track) as call:
        await asyncio.sleep(seconds)
        await client.post(f"{call.place}/hangup", headers=KEY)
        return call.place


async def test_a_call_over_webrtc_and_its_echo_are_recorded_in_time(tmp_path: Path) -> None:
    async with house(recorded(tmp_path)) as client:
        place = await talked(client, Track(beeps(8, 48000).tobytes(), 48000), 6.5)
        caller, server = map(onsets, await sides(tmp_path))
        told = await (await client.get(place, headers=KEY)).json()
        metrics = await (await client.get("/metrics", headers=KEY)).text()
    apart, later = usual(caller, server)
    assert apart == pytest.approx(1.0, abs=0.05)
    assert 0.015 <= later <= 0.5
    (entry,) = (entry for entry in told["record"] if entry["kind"] == "recorded")
    assert (entry["missing_ms"], entry["failed"]) == (0, False)
    assert 'mediaserver_recordings_total{end="completed"} 1' in metrics
    assert "mediaserver_recording_blocks_dropped_total 0" in metrics
    assert [path.name for path in tmp_path.iterdir()] == [f"{place.rpartition('/')[2]}.wav"]


async def test_a_call_over_a_websocket_is_recorded_as_it_is_reckoned_to_be_heard(tmp_path: Path) -> None:
    async with house(recorded(tmp_path)) as client:
        async with line(client) as call:
            await call.until("session.created")
            sound = beeps(4, RATE).tobytes()
            for at in range(0, len(sound), RATE // 5):  # 100 ms at a time
                await call.append(sound[at : at + RATE // 5])
                await asyncio.sleep(0.1)
            await call.heard(len(sound) * 9 // 10)
        caller, server = map(onsets, await sides(tmp_path))
    apart, later = usual(caller, server)
    assert apart == pytest.approx(1.0, abs=0.2)
    assert 0.0 < later <= 0.5


async def test_a_disk_that_hangs_is_not_noticed_by_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free, write = threading.Event(), recorder._Take.write

    def hanging(take: recorder._Take, block: recorder.Block) -> None:
        assert free.wait(LIMIT_S)
        write(take, block)

    monkeypatch.setattr(recorder._Take, "write", hanging)
    async with house(recorded(tmp_path)) as client:
        async with phone(client, "?model=echo", tone()) as call:
            assert await loudest(call) > 3000
            await client.post(f"{call.place}/hangup", headers=KEY)
        assert not list(tmp_path.iterdir())
        free.set()
        caller, server = await sides(tmp_path)
    assert np.abs(caller).max() > 3000 and np.abs(server).max() > 3000


async def test_what_is_not_to_be_recorded_leaves_no_file(tmp_path: Path) -> None:
    models = Config().models | {"echo": Model(bridge="echo", recording=False)}
    config = Config(
        media=Media(port=0, addresses=("127.0.0.1",)), models=models, recording=Recording(folder=str(tmp_path))
    )
    async with house(config) as client, phone(client, "?model=echo", tone()) as call:
        assert await loudest(call) > 3000
        await client.post(f"{call.place}/hangup", headers=KEY)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"^recording\.folder: cannot be written to"):
        build(recorded(tmp_path / "file"))
