"""The writer: files, one thread, and a disk that is slow, full or not there."""

from __future__ import annotations

import asyncio
import logging
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from mediaserver.audio import recorder as under_test
from mediaserver.audio.recorder import Recorder, Tape
from mediaserver.errors import ConfigError

HEAR, PLAY = 16000, 24000


def tone(rate: int, loud: int = 8000) -> bytes:
    return (loud * np.sin(2 * np.pi * 400 * np.arange(rate // 50) / rate)).astype("<i2").tobytes()


def talk(tape: Tape, seconds: float, began: float = 100.0) -> None:
    """The caller speaks in the first half of each second, we in the second."""
    for index in range(round(seconds * 50)):
        at = began + (index + 1) * 0.02
        caller = index % 50 < 25
        tape.heard(tone(HEAR) if caller else bytes(HEAR // 25), at)
        if not caller:
            tape.played(tone(PLAY), at - 0.02)


def sides(path: Path) -> np.ndarray:
    """Return the sound as rows of two samples."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, PLAY)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(int)


async def written(recorder: Recorder) -> None:
    """Wait until the thread has nothing left to do."""
    async with asyncio.timeout(10):
        while recorder._jobs.qsize() or not recorder.completed:
            await asyncio.sleep(0.01)


class Gate:
    """Holds the thread up at its first write, until the block is left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open, self._reached, write = threading.Event(), threading.Event(), under_test._Take.write

        def held_up(take: under_test._Take, block: under_test.Block) -> None:
            self._reached.set()
            assert self._open.wait(20)
            write(take, block)

        monkeypatch.setattr(under_test._Take, "write", held_up)

    def open(self) -> None:
        self._open.set()

    async def reached(self) -> None:
        """Wait until the thread stands before it: what it took there makes no more room in the queue."""
        assert await asyncio.to_thread(self._reached.wait, 20)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.open()


async def test_a_call_becomes_one_private_file_with_both_sides_in_time(tmp_path: Path) -> None:
    async with Recorder(tmp_path) as recorder:
        tape = recorder.begin("rtc_1", HEAR, PLAY, 100.0)
        talk(tape, 10)
        part = tmp_path / "rtc_1.wav.part"
        async with asyncio.timeout(10):
            while not part.exists():
                await asyncio.sleep(0.01)
        assert part.stat().st_mode & 0o777 == 0o600
        tape.end(110.0)
        await written(recorder)
        assert [path.name for path in tmp_path.iterdir()] == ["rtc_1.wav"]
    heard = sides(tmp_path / "rtc_1.wav")
    assert len(heard) == 10 * PLAY
    loud = np.abs(heard).reshape(-1, PLAY // 50, 2).mean(axis=1) > 2500
    assert loud[:, 0].tolist() == [index % 50 < 25 for index in range(500)]
    assert loud[:, 1].tolist() == [index % 50 >= 25 for index in range(500)]
    assert tape.missing_ms == 0 and not tape.failed


async def test_opus_is_played_by_everybody_too(tmp_path: Path) -> None:
    async with Recorder(tmp_path, "opus") as recorder:
        tape = recorder.begin("rtc_1", HEAR, PLAY, 100.0)
        talk(tape, 4)
        tape.end(104.0)
    with av.open(str(tmp_path / "rtc_1.opus")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == pytest.approx(4 * 48000, abs=480)


async def test_many_calls_have_one_thread_and_none_without_a_recorder(tmp_path: Path) -> None:
    async with Recorder(tmp_path) as recorder:
        tapes = [recorder.begin(f"rtc_{number}", HEAR, PLAY, 100.0) for number in range(20)]
        assert [thread.name for thread in threading.enumerate()].count("recorder") == 1
        for tape in tapes:
            talk(tape, 2)
            tape.end(102.0)
    assert len(list(tmp_path.glob("*.wav"))) == 20
    assert "recorder" not in [thread.name for thread in threading.enumerate()]


async def test_a_slow_disk_costs_blocks_but_neither_memory_nor_time(tmp_path, gate, caplog) -> None:
    async with Recorder(tmp_path, most=8) as recorder:
        tape = recorder.begin("rtc_1", HEAR, PLAY, 100.0)
        talk(tape, 1)
        await gate.reached()
        talk(tape, 19, began=101.0)
        assert recorder._jobs.qsize() == 8 and recorder.dropped >= 25
        assert tape.missing_ms == recorder.dropped * 500
        gate.open()
        async with asyncio.timeout(10):
            while recorder._jobs.qsize():
                await asyncio.sleep(0.01)
        talk(tape, 2, began=120.0)
        tape.end(122.0)
    assert [record.message for record in caplog.records].count(caplog.records[0].message) == 1
    heard = sides(tmp_path / "rtc_1.wav")
    assert len(heard) == 22 * PLAY
    assert np.abs(heard[: 4 * PLAY]).max() > 4000 and np.abs(heard[20 * PLAY :]).max() > 4000
    assert not heard[5 * PLAY : 19 * PLAY].any(), "silence, so that what follows is in time"


async def test_a_disk_that_takes_nothing_holds_up_neither_the_calls_nor_the_end(
    tmp_path, gate, caplog, monkeypatch
) -> None:
    monkeypatch.setattr(under_test, "CLOSE_S", 0.05)
    async with Recorder(tmp_path) as recorder:
        tape = recorder.begin("rtc_1", HEAR, PLAY, 100.0)
        talk(tape, 2)
        tape.end(102.0)
    assert "took nothing" in caplog.text
    gate.open()
    recorder._thread.join(10)
    assert not recorder._thread.is_alive()


@pytest.mark.parametrize("kind", ["wav", "opus"])
async def test_a_full_disk_stops_this_recording_and_says_so_once(tmp_path, caplog, monkeypatch, kind) -> None:
    (tmp_path / f"rtc_full.{kind}.part").symlink_to("/dev/full")
    monkeypatch.setattr(under_test.os, "O_EXCL", 0)
    monkeypatch.setattr(under_test.os, "O_NOFOLLOW", 0)
    async with Recorder(tmp_path, kind) as recorder:
        full, other = (recorder.begin(name, HEAR, PLAY, 100.0) for name in ("rtc_full", "rtc_other"))
        for tape in (full, other):
            talk(tape, 5)
        other.end(105.0)
        await written(recorder)
        assert full.failed and not other.failed
        assert (recorder.completed, recorder.failed) == (1, 1)
        talk(full, 5, began=105.0)
        full.end(110.0)
    (told,) = (record.message for record in caplog.records if record.levelno >= logging.WARNING)
    assert "rtc_full" in told and "No space left" in told
    assert (tmp_path / f"rtc_other.{kind}").exists() and not (tmp_path / f"rtc_full.{kind}").exists()


async def test_a_defect_of_the_recording_is_not_one_of_the_call(tmp_path, caplog, monkeypatch) -> None:
    async with Recorder(tmp_path) as recorder:
        tape = recorder.begin("rtc_1", HEAR, PLAY, 100.0)
        talk(tape, 2)
        async with asyncio.timeout(10):
            while not list(tmp_path.iterdir()):
                await asyncio.sleep(0.01)
        monkeypatch.setattr(under_test.Recording, "heard", None)
        talk(tape, 2, began=102.0)
        tape.end(104.0)
        assert tape.failed
    assert (recorder.completed, recorder.failed) == (0, 1)
    assert caplog.text.count("ended by a defect") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rtc_1.wav.part"]


async def test_what_is_there_already_is_not_touched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    there = tmp_path / "rtc_1.wav.part"
    there.write_bytes(b"of somebody else")
    async with Recorder(tmp_path) as recorder:
        tape = recorder.begin("rtc_1", HEAR, PLAY, 100.0)
        talk(tape, 2)
        tape.end(102.0)
    assert there.read_bytes() == b"of somebody else" and "File exists" in caplog.text


async def test_a_server_that_stops_in_mid_call_leaves_what_can_be_played(tmp_path: Path) -> None:
    async with Recorder(tmp_path) as recorder:
        talk(recorder.begin("rtc_1", HEAR, PLAY, 100.0), 3)
    with av.open(str(tmp_path / "rtc_1.wav.part")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 2.5 * PLAY, "all but what is held back"


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a.b", "x" * 200, "a\0b"])
async def test_only_the_name_of_a_call_is_a_name(tmp_path: Path, name: str) -> None:
    async with Recorder(tmp_path) as recorder:
        with pytest.raises(ValueError, match="name of a recording"):
            recorder.begin(name, HEAR, PLAY, 100.0)


def test_a_folder_is_made_private_and_one_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    Recorder(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "no" / "such"):
        with pytest.raises(ConfigError, match=r"recording\.folder: cannot be written to") as refused:
            Recorder(folder)
        assert refused.value.path == "recording.folder"
