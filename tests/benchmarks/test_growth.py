"""What becomes of a server as calls grow: memory over the first call, and only what can be drawn is drawn."""

import pytest

from benchmarks import growth
from benchmarks.generator import Result


def result(calls: int, **changes) -> Result:
    plain = {
        "calls": calls, "connected": calls, "rtt": [20.0, 21.0], "sent_bursts": 2, "lost_pct": 0.0, "late_pct": 0.0,
        "lateness_p99_ms": 4.0,
        "cpu_pct": 2.0 * calls, "rss_mb": 100.0 + calls, "threads": 6, "generator_pct": 10.0, "foreign_pct": 2.0,
    }  # fmt: skip
    return Result(**plain | changes)


def test_a_call_takes_what_the_further_ones_took():
    assert growth.memory_per_call(result(1), result(11, rss_mb=106.0)) == pytest.approx(0.5)
    assert growth.row("ours", result(1), result(11)) == [
        "ours", "11", "21.0 ms", "21.0 ms", "21.0 ms", "2.00", "6", "1.00", "2 %",
    ]  # fmt: skip
    assert growth.row("ours", result(1), result(1))[-2] == ""


@pytest.mark.parametrize(("capacity", "calls"), [(0, 1), (1, 1), (84, 67)])
def test_the_load_is_a_part_of_the_capacity(capacity, calls):
    assert growth.loaded(capacity) == calls


def test_what_did_not_come_back_is_not_drawn():
    cost, trip = growth.panels({"ours": [result(4), result(2), result(8, rtt=[]), result(9, connected=0)]})
    assert cost.lines == {"ours": [(2, 2.0), (4, 2.0), (8, 2.0)]}
    assert trip.lines == {"ours": [(2, 21.0), (4, 21.0)]}
