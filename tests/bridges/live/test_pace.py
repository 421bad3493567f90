"""Whichever clock runs tells how much time has passed."""

from bridges.live.pace import Pace


def test_no_time_passes_while_no_clock_runs() -> None:
    pace = Pace()
    assert pace.since(pace.mark()) == 0


def test_the_clock_that_ran_furthest_tells() -> None:
    pace = Pace()
    pace.heard(5000)
    mark = pace.mark()
    pace.heard(5020)
    assert pace.since(mark) == 20
    pace.silent(100)
    pace.silent(100)
    assert pace.since(mark) == 200
    pace.heard(5400)
    assert pace.since(mark) == 400


def test_counted_seconds_tell_what_has_passed_at_least() -> None:
    pace = Pace()
    pace.used(7)
    mark = pace.mark()
    pace.used(8)
    assert pace.since(mark) == 0
    pace.used(9)
    assert pace.since(mark) == 1000
