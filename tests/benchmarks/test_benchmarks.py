"""The measuring instruments: a perfect mirror measures zero, and the rule of the ladder is the written one."""

import pytest

from benchmarks.added_latency import row
from benchmarks.generator import Result, Speaker
from benchmarks.servers import FRESH, OURS, RELAY, measure, table
from benchmarks.sessions_per_core import Ladder, passes
from benchmarks.sound import FRAME, LOOP, RATE, bursts, encoded


class Mirror:
    """Stands in for a caller whose far end returns each packet after exactly so many seconds."""

    def __init__(self, delay: float) -> None:
        self.packets = []
        self.delay = delay
        self.now = 0.0

    def send(self, payload: bytes) -> None:
        from benchmarks.client import Packet

        self.packets.append(Packet(self.now + self.delay, len(self.packets), len(self.packets) * FRAME, payload))


@pytest.mark.parametrize("delay", [0.0, 0.035, 1.5])
def test_a_perfect_mirror_measures_its_delay(delay):
    from benchmarks.sound import Ear

    packets = encoded()
    mirror = Mirror(delay)
    speaker = Speaker(mirror, Ear(), 0, packets, bursts(packets))
    for index in range(2 * LOOP):
        mirror.now = index * FRAME / RATE
        speaker.speak(mirror.now)
        speaker.listen()
    assert speaker.sent_bursts == 8
    assert len(speaker.round_trips) == 8
    assert all(value == pytest.approx(delay * 1000, abs=3) for value in speaker.round_trips)


def result(**changes) -> Result:
    plain = {
        "calls": 4, "connected": 4, "rtt": [20.0, 21.0, 22.0], "sent_bursts": 3, "lost_pct": 0.2, "late_pct": 0.2,
        "cpu_pct": 40.0, "rss_mb": 100.0, "generator_pct": 10.0,
    }  # fmt: skip
    return Result(**plain | changes)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, True),
        ({"connected": 3}, False),
        ({"lost_pct": 0.9}, False),
        ({"rtt": [20.0, 130.0]}, False),
        ({"rtt": []}, False),
    ],
)
def test_the_rule(changes, verdict):
    assert passes(result(**changes), unloaded_ms=20.0) is verdict


def test_the_capacity_is_the_largest_number_that_passed_every_round():
    ladder = Ladder(OURS)
    ladder.runs |= {2: [True, True], 4: [True, True], 6: [True, False], 8: [True, True]}
    assert ladder.capacity == 4


def test_tables():
    assert table(("a", "b"), [("x", "1")]).splitlines() == ["| a | b |", "| --- | --: |", "| x | 1 |"]
    assert row("ours", [result(), result()])[:2] == ["ours", "21.0 ms"]


@pytest.mark.parametrize("contestant", [OURS, RELAY, FRESH], ids=lambda each: each.name)
def test_every_contestant_can_be_measured(contestant):
    for _ in range(3):  # a machine that is busy elsewhere may swallow a second and a half whole
        measured = measure(contestant, 2, 1.5)
        if measured.rtt:
            break
    assert measured.connected == 2
    assert measured.rtt, "no burst came back"
    assert 0 < measured.rtt[0] < 1500
