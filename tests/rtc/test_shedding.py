from mediaserver.rtc.shedding import FULL_S, ROOMY_S, Shedding


def run(shedding: Shedding, busy: float, seconds: float, start: float) -> float:
    """Look four times a second for so long; return the time after it."""
    for number in range(int(seconds * 4) + 1):
        shedding.look(busy, start + number / 4)
    return start + seconds + 0.25


def test_a_full_core_makes_encoding_cheaper_step_by_step() -> None:
    shedding = Shedding(5)
    now = run(shedding, 0.95, FULL_S, 0.0)
    assert shedding.complexity == 2
    now = run(shedding, 0.95, FULL_S, now)
    assert shedding.complexity == 0
    run(shedding, 0.99, 10.0, now)
    assert shedding.complexity == 0


def test_a_moment_of_work_changes_nothing() -> None:
    shedding = Shedding(5)
    assert not shedding.look(1.0, 0.0)
    assert not shedding.look(0.5, 0.25)
    assert not shedding.look(1.0, 0.5)
    assert not shedding.look(0.5, 5.0)
    assert shedding.complexity == 5


def test_effort_comes_back_slowly_and_only_where_there_is_room() -> None:
    shedding = Shedding(5)
    now = run(shedding, 0.95, FULL_S, 0.0)
    now = run(shedding, 0.6, 60.0, now)
    assert shedding.complexity == 2
    now = run(shedding, 0.3, ROOMY_S - 1, now)
    assert shedding.complexity == 2
    now = run(shedding, 0.3, 1.0, now)
    assert shedding.complexity == 5
    run(shedding, 0.0, 30.0, now)
    assert shedding.complexity == 5


def test_what_is_configured_is_the_most_and_may_be_the_least() -> None:
    assert Shedding(9).complexity == 9
    cheap = Shedding(1)
    run(cheap, 1.0, 5.0, 0.0)
    assert cheap.complexity == 0
    free = Shedding(0)
    assert not any(free.look(1.0, now) for now in range(20))
