from bridges.pulse import LOST, Pulse


def test_who_is_quiet_is_asked_once_and_lost_after_some_looks() -> None:
    pulse = Pulse(10.0)
    assert not pulse.look(10.4, 0.5)
    assert pulse.look(10.5, 0.5)
    pulse.asked()
    for _ in range(LOST):
        assert not pulse.look(99.0, 0.5) and not pulse.lost
    pulse.look(99.0, 0.5)
    assert pulse.lost


def test_a_sign_of_life_is_an_answer() -> None:
    pulse = Pulse(10.0)
    pulse.asked()
    for _ in range(LOST):
        pulse.look(11.0, 0.5)
    pulse.lives(12.0)
    pulse.asked()
    pulse.look(13.0, 0.5)
    assert not pulse.lost and pulse.heard_at == 12.0
