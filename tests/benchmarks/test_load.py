"""Load in small amounts: counts are back where they were, the full server says so, who does not listen is ended."""

import pytest

from benchmarks.load.churn import churned
from benchmarks.load.crowd import Crowd
from benchmarks.load.deaf import unacknowledged_channel, unread_socket, unread_sound
from benchmarks.load.gaps import Gaps
from benchmarks.load.overload import overloaded
from benchmarks.load.slow import endured
from benchmarks.load.speech import ECHO, TURNS, append, packet, speaks
from benchmarks.load.together import Soaked, soaked, together
from benchmarks.load.watched import Lag, Look
from benchmarks.turns import PERIOD, TURN


def look(**changes) -> Look:
    plain = {"metrics": {}, "tasks": 9, "descriptors": 20, "threads": 3, "rss": 100 << 20}
    return Look(**plain | changes)


def lag(*counts: int) -> Look:
    ends = ("0.001", "0.02", "0.1", "+Inf")
    sums = [sum(counts[: place + 1]) for place in range(4)]
    named = [f'mediaserver_loop_lag_seconds_bucket{{le="{end}"}}' for end in ends]
    return look(metrics=dict(zip(named, sums, strict=True)))


def test_lateness_is_that_of_the_time_between_two_looks():
    between = Lag.between(lag(5, 5, 5, 5), lag(104, 5, 6, 5))
    assert (between.below(0.5), between.below(0.99), between.worst) == (1.0, 1.0, 100.0)
    assert Lag.between(lag(0, 0, 0, 0), lag(90, 8, 1, 1)).below(0.99) == 100.0
    assert Lag.between(lag(0, 0, 0, 0), lag(99, 0, 0, 1)).worst == float("inf")


def test_a_gap_is_a_wait_of_more_than_60_ms():
    gaps = Gaps()
    for at in (0.0, 0.02, 0.04, 0.11, 0.19, 0.22):  # 70 ms after the third is 50 after its end; then 60; 10
        gaps.take(at, 0.02)
    assert gaps.count == 0
    gaps.take(0.31, 0.02)
    assert gaps.count == 1
    assert gaps.sound_s == pytest.approx(0.14)


def test_what_is_ahead_bridges_a_wait_and_a_pause_between_turns_is_none():
    gaps = Gaps(pause_s=1.0)
    gaps.take(0.0, 0.5)
    gaps.take(0.55, 0.02)
    gaps.take(2.0, 0.02)
    assert gaps.count == 0


def test_the_echo_is_spoken_to_without_a_pause_and_the_others_in_turns():
    assert all(speaks(ECHO, frame) for frame in range(PERIOD))
    assert sum(speaks(TURNS, frame) for frame in range(PERIOD)) == TURN
    assert len(packet(ECHO, 7)) > len(packet(TURNS, TURN))
    assert append(TURNS, TURN) != append(ECHO, 7)


def test_a_call_that_heard_too_little_failed():
    result, gaps = Crowd(1), Gaps()
    gaps.take(0.0, 0.5)
    result.note("media call 0", gaps, 1.0)
    assert str(result) == "1 of 1 failed, 0 gaps > 60 ms; media call 0 heard 0.5 s of 1.0"


def test_memory_is_looked_at_when_it_has_settled():
    run = Soaked(
        Crowd(1), look(), look(rss=(100 << 20) + 3_000_000), [(0.0, 0), (60.0, 5000 << 10), (120.0, 5064 << 10)]
    )
    assert run.slope(settle_s=30) == pytest.approx(64.0)
    assert run.left_mb == pytest.approx(3.0)


@pytest.mark.campaign
async def test_calls_of_both_kinds_at_once():
    result, lateness, _ = await together(2, 2.0)
    assert (result.calls, result.failures) == (4, [])
    assert sum(lateness.buckets.values()) >= 50


@pytest.mark.campaign
async def test_nothing_is_held_when_they_are_over():
    run = await soaked(2, 2.0)
    assert run.crowd.failures == []
    assert run.after.sessions == 0
    assert run.after.held == run.base.held
    assert len(run.memory) >= 3


@pytest.mark.campaign
async def test_nothing_is_left_of_abandoned_calls():
    run = await churned(20, warm_up=20, media={"setup_timeout_s": 5, "silence_notice_s": 1, "silence_end_s": 5})
    assert run.failures == []
    assert run.after.sessions == 0
    assert run.after.held == run.base.held
    started = run.after.metrics["mediaserver_sessions_started_total"]
    assert started - run.base.metrics["mediaserver_sessions_started_total"] == 20
    timeouts = run.after.metrics["mediaserver_media_setup_timeouts_total"]
    assert 8 <= timeouts <= 12, "six of twenty, twice; who leaves in the handshake may be through it by then"


@pytest.mark.campaign
async def test_a_full_server_says_so_and_keeps_its_calls():
    running, asked, _ = await overloaded(1, 4.0)
    assert running.failures == []
    assert asked.took
    assert asked.wrong == []


@pytest.mark.campaign
@pytest.mark.parametrize("kind", [unread_socket, unacknowledged_channel], ids=lambda kind: kind.__name__)
async def test_who_does_not_listen_is_ended_as_lost(kind):
    run = await endured(kind, 1, 1, 25.0)
    assert run.lost == 1
    assert run.others.failures == []


@pytest.mark.campaign
async def test_sound_that_is_never_read_costs_nothing_and_ends_nothing():
    run = await endured(unread_sound, 1, 1, 4.0)
    assert run.lost == 0
    assert run.others.failures == []
