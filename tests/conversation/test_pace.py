from mediaserver.conversation.pace import Pace


def test_nobody_is_known_at_first() -> None:
    assert Pace().factor == 1.0


def test_a_caller_who_pauses_long_is_given_longer() -> None:
    pace = Pace()
    for _ in range(4):
        pace.paused(800)
    assert 1.3 < pace.factor <= Pace.MOST
    for _ in range(20):
        pace.paused(1900)
    assert pace.factor == Pace.MOST


def test_a_quick_caller_is_given_no_less_than_anybody() -> None:
    pace = Pace()
    for _ in range(20):
        pace.paused(210)
    assert pace.factor == Pace.LEAST == 1.0
    assert 200 < pace.mean_ms < 230


def test_what_is_no_pause_within_a_turn_is_not_counted() -> None:
    pace = Pace()
    for ms in (-20, 0, 2001, 60_000):
        pace.paused(ms)
    assert pace.mean_ms == Pace.FIRST_MS
