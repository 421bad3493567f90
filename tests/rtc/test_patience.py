from mediaserver.rtc.patience import MOST_S, Patience


def looks(*rows: tuple[float, int | None, bool]) -> list[bool]:
    patience = Patience()
    return [patience.over(acknowledged, present=present, now=at) for at, acknowledged, present in rows]


def test_a_client_that_acknowledges_nothing_is_waited_for_so_long() -> None:
    assert looks((0.0, 7, True), (MOST_S - 0.1, 7, True), (MOST_S, 7, True)) == [False, False, True]


def test_one_that_is_slow_is_not_given_up() -> None:
    assert not any(looks(*((at * (MOST_S - 1), at, True) for at in range(10))))


def test_nothing_waits() -> None:
    rows = [(0.0, 7, True), (5.0, None, True), (6.0, 7, True), (MOST_S + 5.9, 7, True), (MOST_S + 6.0, 7, True)]
    assert looks(*rows) == [False, False, False, False, True]


def test_a_client_that_was_away_has_all_the_time_again() -> None:
    rows = [(0.0, 7, True), (5.0, 7, False), (20.0, 7, True), (20.0 + MOST_S - 0.1, 7, True), (20.0 + MOST_S, 7, True)]
    assert looks(*rows) == [False, False, False, False, True]
