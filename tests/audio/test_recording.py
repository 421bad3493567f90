"""The time line of a recording, in virtual time: where each sound belongs is known, where it was put is measured."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mediaserver.audio.playout import Playout
from mediaserver.audio.recording import AHEAD_S, BLOCK_S, HOLD_S, Block, Recording

RATE = 16000
FRAME = RATE // 50
SINE = (8000 * np.sin(2 * np.pi * 400 * np.arange(FRAME) / RATE)).astype("<i2")
LOUD, LESS, HUSH, NOTHING = SINE.tobytes(), (SINE // 2).astype("<i2").tobytes(), bytes([9, 0] * FRAME), bytes(2 * FRAME)
STEEPEST = 2 * 8000 * np.sin(np.pi * 400 / RATE)


class Ear:
    """Takes blocks; notes where a side gets louder than ``loud``, in seconds, and its steepest step."""

    def __init__(self, loud: int = 6000) -> None:
        self.loud = loud
        self.onsets: dict[str, list[float]] = {"heard": [], "played": []}
        self.steepest = 0
        self.numbers: list[int] = []
        self._last = {"heard": np.zeros(FRAME // 4, int), "played": np.zeros(FRAME // 4, int)}

    def __call__(self, block: Block) -> None:
        self.numbers.append(block.number)
        for side in ("heard", "played"):
            sound = np.frombuffer(getattr(block, side) or bytes(int(2 * BLOCK_S * RATE)), "<i2").astype(int)
            assert len(sound) == BLOCK_S * RATE
            self._listen(side, np.concatenate((self._last[side], sound)), block.number * BLOCK_S * RATE)
            self._last[side] = sound[-FRAME // 4 :]

    def _listen(self, side: str, sound: np.ndarray, start: float) -> None:
        self.steepest = max(self.steepest, int(np.abs(np.diff(sound)).max()))
        peaks = np.abs(sound).reshape(-1, FRAME // 4).max(axis=1) > self.loud  # of 5 ms
        for index in np.flatnonzero(peaks[1:] & ~peaks[:-1]):
            self.onsets[side].append((start + index * FRAME // 4) / RATE)


def speak(recording: Recording, sound, *, seconds: float, ppm: float = 0.0, jitter: float = 0.0, began: float = 100.0):
    """Say ``sound(k)`` frame by frame by a clock that is ``ppm`` too fast; ``None`` is not sent. Returns the true moments.

    The way takes 30 ms and up to ``jitter`` more; nothing overtakes anything.
    """
    made, latest, spoken = random.Random(4), 0.0, []
    for index in range(int(seconds * 50)):
        ends = began + (index + 1) * 0.02 * (1 - ppm * 1e-6)
        latest = max(latest, ends + 0.03 + made.uniform(0, jitter))
        if (pcm := sound(index)) is not None:
            recording.heard(pcm, latest)
        if pcm == LOUD and sound(index - 1) != LOUD:
            spoken.append(ends - 0.02 + 0.03 - began)
    return spoken


def off(found: list[float], expected: list[float]) -> float:
    """The largest distance in milliseconds; as many have to be found as there are."""
    assert len(found) == len(expected)
    return float(np.abs(np.array(found) - np.array(expected)).max() * 1000)


def words(other: bytes | None):
    """A fifth of a second loud in every second, ``other`` in between."""
    return lambda index: LOUD if index % 50 in range(20, 30) else other


@pytest.mark.parametrize("jitter", [0.0, 0.06])
@pytest.mark.parametrize("ppm", [200, -200, 1000, -1000])
@pytest.mark.parametrize("other", [HUSH, NOTHING, LESS], ids=["pauses", "silence", "never quiet"])
def test_an_hour_of_another_clock_stays_in_its_place(other, ppm, jitter):
    minutes = 60 if (ppm, jitter, other) == (200, 0.06, HUSH) else 3
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    spoken = speak(recording, words(other), seconds=60 * minutes, ppm=ppm, jitter=jitter)
    recording.finish(100.0 + 60 * minutes)
    assert off(ear.onsets["heard"], spoken) <= 20
    assert ear.steepest <= 2 * STEEPEST


def test_what_was_not_sent_is_silence_of_its_length():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)

    def now_and_then(index):
        return words(NOTHING)(index) if index // 50 % 20 < 3 and index % 50 < 35 else None

    spoken = speak(recording, now_and_then, seconds=600, ppm=200, jitter=0.04)
    recording.finish(700.0)
    assert off(ear.onsets["heard"], spoken) <= 20


def test_sound_that_was_held_up_and_comes_in_a_burst_is_where_it_was_said():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for index in range(500):
        arrives = 100.0 + (index + 1) * 0.02
        held_up = 100.0 + (index // 100 + 1) * 2.0 if index % 100 >= 80 else 0.0  # 0.4 s, every other second
        recording.heard(words(HUSH)(index), max(arrives, held_up))
    recording.finish(110.0)
    assert off(ear.onsets["heard"], [second + 0.4 for second in range(10)]) <= 20


def test_silence_that_was_made_up_for_sound_that_came_after_all_is_taken_out():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for index in range(1000):
        now = 100.0 + (index + 1) * 0.02
        if index % 200 in range(130, 145):  # nothing comes, and the receiver goes on with silence
            recording.heard(NOTHING, now)
        if index % 200 == 145:
            for late in range(index - 15, index):
                recording.heard(words(HUSH)(late), now)
        if index % 200 not in range(130, 145):
            recording.heard(words(HUSH)(index), now)
    recording.finish(120.0)
    assert off(ear.onsets["heard"], [second + 0.4 for second in range(20)]) <= 20


@pytest.mark.parametrize("patience", [2, 5, 8])
def test_silence_that_is_made_up_late_in_a_pause_does_not_move_the_next_word(patience):
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for index in range(3000):
        now, place = 100.0 + (index + 1) * 0.02, index % 100
        if place < 50:
            missing = patience if place == 0 and index else 0  # what was not made up by now comes with the first packet
            for pcm in [NOTHING] * missing + [words(HUSH)(index)]:
                recording.heard(pcm, now)
        elif place >= 50 + patience:
            recording.heard(NOTHING, now)
    recording.finish(160.0)
    assert off(ear.onsets["heard"], [second + 0.4 for second in range(0, 60, 2)]) <= 20


def test_a_way_that_became_longer_is_followed():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for index in range(1500):
        recording.heard(words(HUSH)(index), 100.0 + (index + 1) * 0.02 + (0.08 if index >= 500 else 0.0))
    recording.finish(130.1)
    expected = [second + 0.4 + (0.08 if second >= 10 else 0.0) for second in range(30)]
    found = ear.onsets["heard"]
    assert off(found[:10] + found[16:], expected[:10] + expected[16:]) <= 20


def test_our_side_is_what_left_when_it_left_and_nothing_else():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for tick in range(500):
        now = 100.007 + tick * 0.02
        recording.heard(NOTHING, now)
        if tick % 50 in (10, 11, 12, 16, 17):  # cut, and three frames later the next reply
            recording.played(LOUD, now + (0.012 if tick % 100 == 11 else 0.0))  # the loop was late
    recording.finish(110.0)
    expected = [0.007 + second + first for second in range(10) for first in (0.2, 0.32)]
    assert off(ear.onsets["played"], expected) <= 10
    assert not ear.onsets["heard"]


def test_of_a_reply_that_is_cut_off_only_what_was_played_is_there():
    blocks: list[Block] = []
    recording = Recording(0.0, RATE, RATE, blocks.append)
    playout = Playout(RATE, lambda note: None)
    playout.push("reply", LOUD * 200)
    for tick in range(100):
        now = tick * 0.02
        if tick == 30:
            (played,) = playout.clear()
        if (pcm := playout.pull(now)) is not None:
            recording.played(pcm, now)
        recording.heard(HUSH, now + 0.02)
    recording.finish(2.0)
    side = np.frombuffer(b"".join(block.played or bytes(RATE) for block in blocks), "<i2")
    cut = 30 * FRAME
    assert played.played_ms == 600
    assert side[:cut].tobytes() == LOUD * 30
    assert np.abs(side[cut : cut + RATE // 200].astype(int)).max() > 1000 and not side[cut + RATE // 200 :].any()


def test_a_pause_is_as_long_as_the_caller_waited():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for index in range(100):
        now = 100.0 + (index + 1) * 0.02
        recording.heard(LOUD if 10 <= index < 20 else NOTHING, now)
        if 20 <= index < 30:  # the last word came with index 19; the answer left with the next tick
            recording.played(LOUD, now)
    recording.finish(102.1)
    assert ear.onsets["played"][0] - ear.onsets["heard"][0] == pytest.approx(0.2 + 0.02, abs=0.006)


def test_blocks_come_in_order_and_late_by_what_is_held_back():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for index in range(250):
        recording.heard(HUSH, 100.0 + (index + 1) * 0.02)
        assert len(ear.numbers) == int(((index + 1) * 0.02 - HOLD_S + 1e-9) / BLOCK_S)
    assert recording.finish(105.0) == 10
    assert ear.numbers == list(range(10))


def test_hours_of_nothing_are_not_told_one_by_one():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    recording.heard(LOUD, 100.02)
    recording.heard(LOUD, 100.02 + 7200)
    blocks = recording.finish(100.02 + 7201)
    assert blocks == 2 * 7202 - 1 and len(ear.numbers) <= 6
    assert off(ear.onsets["heard"], [0.0, 7200.0]) <= 20


def test_what_is_sent_far_before_its_time_is_kept_up_to_a_bound():
    ear = Ear()
    recording = Recording(100.0, RATE, RATE, ear)
    for index in range(1000):
        recording.heard(words(HUSH)(index), 100.02)
    assert recording.dropped_ms == pytest.approx(20_000 - AHEAD_S * 1000, abs=60)
    recording.finish(120.0)
    assert off(ear.onsets["heard"], [second + 0.4 for second in range(10)]) <= 20


@pytest.mark.parametrize(("hear", "play"), [(16000, 24000), (8000, 48000)])
def test_each_side_has_its_own_rate(hear, play):
    blocks: list[Block] = []
    recording = Recording(0.0, hear, play, blocks.append)
    for index in range(100):
        recording.heard(b"\1\0" * (hear // 50), index * 0.02)
        recording.played(b"\1\0" * (play // 50), index * 0.02)
    recording.finish(2.0)
    assert {len(block.heard or b"") for block in blocks[:3]} == {hear}
    assert {len(block.played or b"") for block in blocks[:3]} == {play}
