import random

import numpy as np
import pytest

from mediaserver.audio.cushion import WINDOW
from mediaserver.audio.opus import OpusSettings
from mediaserver.audio.packets import decoded, encoding
from mediaserver.audio.playout import REMEMBERED, Playout
from mediaserver.events import PlayoutFinished, PlayoutStarted
from mediaserver.items import Played

RATE = 16000
FRAME = RATE // 50 * 2


def tone(ms, loud=8000):
    return np.full(RATE * ms // 1000, loud, "<i2").tobytes()


class Rig:
    def __init__(self, **options):
        self.notes = []
        self.playout = Playout(RATE, self.notes.append, **options)
        self.now = 100.0

    def pull(self, times=1):
        frames = []
        for _ in range(times):
            self.now += 0.02
            frames.append(self.playout.pull(self.now))
        return frames

    def said(self):
        return [(type(note).__name__, note.item_id) for note in self.notes]


@pytest.fixture
def rig():
    return Rig()


def test_sound_is_due_from_a_whole_frame_on_unless_it_is_held(rig):
    rig.playout.push("a", tone(19))
    assert not rig.playout.due
    rig.playout.push("a", tone(1))
    assert rig.playout.due
    rig.playout.pause()
    assert not rig.playout.due
    rig.playout.resume()
    rig.pull()
    assert not rig.playout.due


def test_plays_items_in_order_to_the_last_sample_in_exact_frames(rig):
    rig.playout.push("a", tone(50, 1000))
    rig.playout.push("b", tone(20, 2000))
    rig.playout.push("a", tone(5, 1500))
    rig.playout.finish("a")
    rig.playout.finish("b")
    frames = rig.pull(6)
    assert [frame and len(frame) for frame in frames] == [FRAME] * 4 + [None] * 2
    assert b"".join(frames[:3]) == tone(50, 1000) + tone(5, 1500) + bytes(RATE * 5 // 1000 * 2)
    assert frames[3] == tone(20, 2000)
    assert rig.notes == [
        PlayoutStarted("a", pytest.approx(100.02)),
        PlayoutFinished("a", 55, pytest.approx(100.08)),
        PlayoutStarted("b", pytest.approx(100.08)),
        PlayoutFinished("b", 20, pytest.approx(100.10)),
    ]


def test_holds_part_of_a_frame_until_more_comes_or_the_item_ends(rig):
    rig.playout.push("a", tone(30))
    assert [frame is not None for frame in rig.pull(3)] == [True, False, False]
    rig.playout.push("a", tone(10))
    assert rig.pull() == [tone(20)]
    assert rig.said() == [("PlayoutStarted", "a")]


def test_an_item_without_sound_still_finishes(rig):
    rig.playout.finish("empty")
    assert rig.pull() == [None]
    assert rig.notes == [PlayoutFinished("empty", 0, pytest.approx(100.02))]


def test_clear_fades_within_one_frame_and_tells_what_was_heard_of_each_item(rig):
    for item in ("a", "b"):
        rig.playout.push(item, tone(200))
    rig.pull(3)
    assert rig.playout.clear() == (Played("a", 60), Played("b", 0))
    tail, *rest = rig.pull(3)
    samples = np.frombuffer(tail, "<i2")
    assert len(tail) == FRAME
    assert 7900 <= samples[0] <= 8000
    assert np.all(np.diff(samples[:80]) <= 0)
    assert not samples[80:].any()
    assert rest == [None, None]
    assert rig.playout.queued_ms == 0
    assert rig.playout.played("a") == 60


def test_clear_of_silence_has_no_tail(rig):
    rig.playout.push("a", tone(200))
    assert rig.playout.clear() == (Played("a", 0),)
    assert rig.pull() == [None]


def test_pause_loses_nothing_and_counts_the_fade_when_it_left(rig):
    rig.playout.push("a", tone(100))
    rig.pull(2)
    rig.playout.pause()
    assert rig.playout.played("a") == 40
    fade, *silence = rig.pull(4)
    assert len(fade) == FRAME
    assert silence == [None] * 3
    assert rig.playout.played("a") == 45
    rig.playout.resume()
    first, second = rig.pull(2)
    samples = np.frombuffer(first, "<i2")
    assert samples[0] == 0
    assert np.all(samples[80:] == 8000)
    assert second == tone(20)
    rig.playout.finish("a")
    rig.pull(2)
    assert rig.notes[-1] == PlayoutFinished("a", 100, pytest.approx(rig.now))


def test_pause_and_resume_within_one_frame_are_not_heard(rig):
    rig.playout.push("a", tone(60))
    rig.pull()
    rig.playout.pause()
    rig.playout.resume()
    assert rig.pull() == [tone(20)]


def test_clear_ends_a_pause(rig):
    rig.playout.push("a", tone(100))
    rig.playout.pause()
    rig.playout.clear()
    rig.playout.push("b", tone(20))
    assert rig.pull() == [tone(20)]


def test_drops_the_newest_beyond_the_limit():
    rig = Rig(limit_s=0.1)
    rig.playout.push("a", tone(80))
    rig.playout.push("a", tone(50))
    assert (rig.playout.queued_ms, rig.playout.dropped_ms) == (100, 30)


def test_memory_of_what_was_played_is_bounded(rig):
    for number in range(REMEMBERED + 10):
        rig.playout.push(str(number), tone(20))
        rig.playout.finish(str(number))
        rig.pull()
    rig.pull()
    assert rig.playout.played("0") == 0
    assert rig.playout.played(str(REMEMBERED + 9)) == 20


def test_a_note_may_clear_the_queue():
    playout = Playout(RATE, lambda note: playout.clear() if isinstance(note, PlayoutFinished) else None)
    playout.push("a", tone(20))
    playout.finish("a")
    playout.push("b", tone(20))
    playout.pull(0.0)
    assert playout.pull(0.02) is None


def test_live_sound_holds_back_more_after_it_ran_dry_and_less_after_quiet_seconds():
    rig = Rig(live=True)
    rig.playout.push("live", tone(20))
    made_up, *silence = rig.pull(4)[1:]
    assert made_up == tone(20)
    assert silence[1:] == [None]
    assert rig.playout.underruns == 1
    rig.playout.push("live", tone(20))
    assert rig.pull() == [None]
    for _ in range(50):  # now a frame deep
        rig.playout.push("live", tone(20))
        assert rig.pull() != [None]
    for _ in range(200):
        rig.playout.push("live", tone(20, 10))
        assert rig.pull() != [None]
    assert rig.playout.queued_ms == 0
    assert rig.playout.underruns == 1


def test_live_sound_that_is_never_quiet_catches_up_without_a_jump():
    rig = Rig(live=True)
    rig.playout.push("live", tone(20))
    for _ in range(2 * WINDOW - 1):
        rig.playout.push("live", tone(20))
        assert rig.pull() == [tone(20)]
    assert rig.playout.queued_ms == 20, "it waited for a quiet frame"
    for _ in range(4 * WINDOW):
        rig.playout.push("live", tone(20))
        (frame,) = rig.pull()
        assert np.abs(np.frombuffer(frame, "<i2").astype(int) - 8000).max() <= 1
    assert rig.playout.queued_ms == 0


def samples(frames):
    return np.concatenate([np.frombuffer(frame or bytes(FRAME), "<i2") for frame in frames]).astype(int)


def test_live_sound_that_stops_fades_out_and_comes_back_from_nothing():
    rig = Rig(live=True)
    rig.playout.push("live", tone(20))
    heard = rig.pull(4)
    for _ in range(3):
        rig.playout.push("live", tone(20))
    heard += rig.pull(2)
    assert np.abs(np.diff(samples(heard))).max() <= 110  # in 5 ms at the steepest


def test_one_late_frame_is_made_up_and_costs_no_further_silence():
    rig = Rig(live=True)
    heard = []
    for late in [False] * 5 + [True] + [False] * 5:
        if not late:
            rig.playout.push("live", tone(20))
        heard += rig.pull()
    assert samples(heard).tolist() == [8000] * (11 * FRAME // 2)


@pytest.mark.parametrize("after", [1, 2])
def test_a_cut_of_live_sound_fades_although_nothing_waits(after):
    for stop in ("clear", "pause"):
        rig = Rig(live=True)
        rig.playout.push("live", tone(20))
        heard = rig.pull(after)
        getattr(rig.playout, stop)()
        heard += rig.pull(2)
        assert heard[-1] is None
        assert np.abs(np.diff(samples(heard)[:-FRAME])).max() <= 110, stop


def test_an_item_that_ends_on_a_made_up_frame_fades():
    rig = Rig(live=True)
    rig.playout.push("live", tone(20))
    heard = rig.pull(2)
    rig.playout.finish("live")
    heard += rig.pull(2)
    assert heard[-1] is None
    assert np.abs(np.diff(samples(heard)[:-FRAME])).max() <= 110
    assert rig.notes[-1] == PlayoutFinished("live", 20, pytest.approx(rig.now - 0.02))


def played_with(ppm, jitter, sound, minutes=10):
    """Play frames that a clock makes which is ``ppm`` too fast, each up to ``jitter`` seconds late, never overtaking."""
    playout, made, latest = Playout(RATE, lambda note: None, live=True), random.Random(1), 0.0
    frames, deepest, count = [], 0, 0
    for tick in range(minutes * 60 * 50):
        now = tick * 0.02
        while (latest := max(latest, 0.013 + count * 0.02 * (1 - ppm * 1e-6) + made.uniform(0, jitter))) <= now:
            playout.push("live", sound(count))
            count += 1
        if (frame := playout.pull(now)) is not None or frames:
            frames.append(frame)
        deepest = max(deepest, playout.queued_ms)
    return playout, samples(frames), deepest


SINE = (8000 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype("<i2").tobytes()


def sine(count):
    at = count % 50 * FRAME
    return SINE[at : at + FRAME]


@pytest.mark.parametrize("jitter", [0.0, 0.03])
@pytest.mark.parametrize("ppm", [200, -200, 1000, -1000])
def test_another_clock_is_followed_without_a_click_and_without_more_delay(ppm, jitter):
    playout, heard, deepest = played_with(ppm, jitter, sine)
    clean = 2 * 8000 * np.sin(np.pi * 440 / RATE)
    assert np.abs(np.diff(heard)).max() <= 1.1 * clean
    assert np.abs(heard.reshape(-1, FRAME // 2)).max(axis=1).min() >= 7000, "no hole"
    assert deepest <= 60 + 1000 * jitter
    frames = abs(ppm) * 1e-6 * 600 / 0.02
    corrections = playout.given_up if ppm > 0 else playout.underruns
    assert frames * 0.6 <= corrections <= frames * 2.2 + 6


def test_another_clock_is_followed_where_it_is_quiet():
    loud, hush = tone(20), tone(20, 10)
    playout, heard, _ = played_with(1000, 0.0, lambda count: loud if count // 25 % 2 else hush, minutes=2)
    assert playout.given_up >= 5
    runs = np.diff(np.flatnonzero(np.diff(heard > 4000)))
    assert set(runs[::2].tolist()) == {RATE // 2}, "what is loud lasts as long as it was"


# --- packets ----------------------------------------------------------------------------------------------------------


def speech(ms=600):
    """Return a tone as packets; their decoder is in its steady state after the first of them."""
    times = np.arange(RATE * ms // 1000) / RATE
    pcm = (8000 * np.sin(2 * np.pi * 300 * times)).astype("<i2").tobytes()
    return [*encoding(pcm, RATE, OpusSettings())][: ms // 20]


def test_packets_leave_as_they_came_and_count_like_sound(rig):
    packets = speech(60)
    rig.playout.push_packets("a", packets)
    rig.playout.finish("a")
    assert rig.playout.queued_ms == 60
    assert rig.pull(2) == packets[:2]
    assert (rig.playout.played("a"), rig.playout.queued_ms) == (40, 20)
    assert rig.pull(2) == [packets[2], None]
    assert rig.said() == [("PlayoutStarted", "a"), ("PlayoutFinished", "a")]
    assert rig.notes[-1].played_ms == 60


def test_an_item_of_packets_and_sound_plays_in_order(rig):
    packets = speech(80)
    rig.playout.push_packets("a", packets[:2])
    rig.playout.push("a", tone(20))
    rig.playout.push_packets("a", packets[2:])  # made sound of, for sound waits before them
    rig.playout.finish("a")
    frames = rig.pull(6)
    assert frames[:3] == [*packets[:2], tone(20)]
    assert [len(frame) for frame in frames[3:5]] == [FRAME] * 2
    assert frames[5] is None
    assert rig.notes[-1].played_ms == 100


def test_packets_over_the_limit_are_dropped():
    rig = Rig(limit_s=0.1)
    rig.playout.push_packets("a", speech(160))
    assert (rig.playout.queued_ms, rig.playout.dropped_ms) == (100, 60)


def test_a_pause_in_packets_fades_what_comes_next_and_keeps_it(rig):
    packets = speech()
    rig.playout.push_packets("a", packets)
    rig.pull(10)
    rig.playout.pause()
    fade, *silence = rig.pull(3)
    samples = np.frombuffer(fade, "<i2")
    assert len(fade) == FRAME
    assert np.abs(samples[:40]).max() > 3000
    assert not samples[80:].any()
    assert silence == [None, None]
    assert rig.playout.played("a") == 200
    rig.playout.resume()
    assert rig.pull(2) == packets[10:12]  # a decoder that has heard silence begins softly by itself


def test_a_cut_in_packets_is_a_short_fade_in_step_with_what_left(rig):
    packets = speech()
    rig.playout.push_packets("a", packets)
    rig.pull(10)
    assert rig.playout.clear() == (Played("a", 200),)
    fade, rest = rig.pull(2)
    assert rest is None
    before = np.frombuffer(decoded(packets[5:9], packets[9:10], RATE), "<i2").astype(int)
    step = abs(int(np.frombuffer(fade, "<i2")[0]) - before[-1])
    assert step <= np.abs(np.diff(before)).max()


def test_live_packets_are_kept_in_step_as_sound():
    rig, packets = Rig(live=True), speech(100)
    rig.playout.push_packets("a", packets)
    rig.playout.finish("a")
    frames = [frame for frame in rig.pull(7) if frame is not None]
    assert all(isinstance(frame, bytes) for frame in frames)
    assert any(frames[2])
