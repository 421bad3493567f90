from mediaserver.cluster.respawn import PAUSES_S, WINDOW_S, Respawn


def test_the_pause_grows_and_then_it_gives_up() -> None:
    respawn = Respawn()
    assert [respawn.died(float(second)) for second in range(5)] == [*PAUSES_S, None]
    assert list(PAUSES_S) == sorted(PAUSES_S)


def test_what_is_long_ago_is_forgiven() -> None:
    respawn = Respawn()
    for day in range(20):
        assert respawn.died(day * WINDOW_S) == PAUSES_S[0]


def test_old_deaths_leave_the_window_one_by_one() -> None:
    respawn = Respawn()
    for second in (0.0, 20.0, 40.0, 59.0):
        respawn.died(second)
    assert respawn.died(WINDOW_S) == PAUSES_S[3]
    assert respawn.died(WINDOW_S + 1) is None
