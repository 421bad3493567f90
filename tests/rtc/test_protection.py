"""What is done against loss, as a table of reports and of what follows from them."""

import pytest

from mediaserver.rtc.protection import CALM_S, FEW, MOST_EXPECTED, Means, Protection, Shield

ALL = Means(32000, fec=True, copies=True)
FEC = Means(32000, fec=True)


def after(*losses, every=2.0, packets=100):
    """Report these losses, one each ``every`` seconds."""
    protection = Protection()
    for number, loss in enumerate(losses):
        protection.report(loss, packets, number * every)
    return protection


@pytest.mark.parametrize(
    ("losses", "means", "shield"),
    [
        ((), ALL, Shield(0, 32000, 0)),
        ((0.0,), ALL, Shield(0, 32000, 0)),
        ((0.02,), ALL, Shield(2, 32000, 0)),
        ((0.03,), ALL, Shield(3, 32000, 1)),
        ((0.14,), ALL, Shield(14, 32000, 1)),
        ((0.15,), ALL, Shield(15, 32000, 2)),
        ((0.9,), ALL, Shield(MOST_EXPECTED, 32000, 2)),
        ((0.02,), FEC, Shield(2, 32000, 0)),
        ((0.03,), FEC, Shield(3, 40000, 0)),
        ((0.10,), FEC, Shield(10, 48000, 0)),
        ((0.10,), Means(32000, most=36000, fec=True), Shield(10, 36000, 0)),
        ((0.10,), Means(32000, most=32000, fec=True), Shield(10, 32000, 0)),
        ((0.10,), Means(32000), Shield(10, 32000, 0)),
        ((0.20,), Means(32000, copies=True), Shield(20, 32000, 2)),
        ((0.20,), Means(32000, most=64000, fec=True, copies=True), Shield(20, 32000, 1)),
        ((0.20,), Means(32000, most=40000, fec=True, copies=True), Shield(20, 40000, 0)),
        ((0.20,), Means(6000, most=1, fec=True, copies=True), Shield(20, 6000, 0)),
    ],
)
def test_reports_and_what_is_done(losses, means, shield):
    assert after(*losses).shield(means) == shield


def test_a_higher_loss_is_believed_at_once_and_a_lower_one_by_and_by():
    assert after(0.05, 0.2).loss == 0.2
    assert after(0.2, 0.0).loss == pytest.approx(0.15)


def test_loss_around_a_threshold_switches_once():
    protection, seen = Protection(), []
    for number in range(100):
        protection.report(0.04 if number % 2 else 0.02, 100, number * 2.0)
        seen.append(protection.shield(ALL).copies)
    assert seen == [0] + [1] * 99


def test_copies_go_one_by_one_and_only_after_a_calm():
    protection = after(0.2)
    seen = []
    for second in range(1, 120):
        protection.report(0.0, 100, float(second))
        seen.append(protection.shield(ALL).copies)
    assert sorted(seen, reverse=True) == seen
    assert set(seen) == {2, 1, 0}
    assert seen.index(1) >= CALM_S
    assert seen.index(0) >= seen.index(1) + CALM_S


def test_a_new_loss_ends_the_calm():
    protection = after(0.04, *[0.0] * 6)  # below 1 % for 2 s at most
    protection.report(0.04, 100, 14.0)
    for second in range(15, 24):
        protection.report(0.0, 100, float(second))
    assert protection.shield(ALL).copies == 1


def test_a_few_packets_say_nothing():
    assert after(0.5, packets=FEW - 1).shield(ALL) == Shield(0, 32000, 0)
    assert after(0.5, packets=FEW).shield(ALL).copies == 2
