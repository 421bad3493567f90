from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.breaker import Breaker, BreakerSettings, RetryBudget

SETTINGS = BreakerSettings()


def breaker(chance: float = 0.0) -> Breaker:
    return Breaker(SETTINGS, lambda: chance)


def opened(at: float = 10.0) -> Breaker:
    one = breaker()
    for _ in range(5):
        one.failed("unavailable", at)
    return one


def test_the_fifth_failure_in_ten_seconds_opens_and_nothing_passes() -> None:
    one = breaker()
    for second in range(4):
        one.failed("unavailable", float(second))
    assert one.allow(4.0)
    one.failed("timeout", 4.0)
    assert one.state(4.0) == "open"
    assert not any(one.allow(4.0 + step / 100) for step in range(499))
    assert one.refused == 499


def test_failures_that_are_far_apart_do_not_open() -> None:
    one = breaker()
    for turn in range(50):
        one.failed("unavailable", turn * 2.6)
    assert one.state(50 * 2.6) == "closed"


def test_half_open_lets_one_probe_through_and_its_success_closes() -> None:
    one = opened(10.0)
    assert [one.allow(15.0) for _ in range(20)] == [True] + [False] * 19
    one.succeeded(15.2)
    assert one.state(15.2) == "closed"
    assert all(one.allow(15.3) for _ in range(20))


def test_a_probe_that_fails_opens_again() -> None:
    one = opened(10.0)
    assert one.allow(15.0)
    one.failed("connection_lost", 15.1)
    assert one.state(15.2) == "open"
    assert not one.allow(20.0)
    assert one.allow(20.1)


def test_a_probe_whose_result_never_comes_is_given_up() -> None:
    one = opened(10.0)
    assert one.allow(15.0)
    assert not one.allow(15.0 + SETTINGS.probe_s - 0.01)
    assert one.allow(15.0 + SETTINGS.probe_s)


def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    one = opened(10.0)
    for _ in range(5):
        one.failed("timeout", 14.9)
    one.succeeded(14.9)
    assert one.state(14.95) == "open"
    assert one.allow(15.0)


def test_refused_credentials_open_at_once_and_for_long_and_raise_the_alarm() -> None:
    one = breaker()
    one.failed("unauthorized", 1.0)
    assert one.alarm
    assert not one.allow(60.9)
    assert one.allow(61.0)
    one.succeeded(61.1)
    assert not one.alarm


@pytest.mark.parametrize("code", ["session_expired", "unsupported_by_provider", "refused"])
def test_what_is_no_fault_of_the_provider_does_not_count(code: str) -> None:
    one = breaker()
    for _ in range(20):
        one.failed(code, 1.0)
    assert one.allow(1.0)


def test_the_pause_differs_from_worker_to_worker() -> None:
    early, late = breaker(0.0), breaker(1.0)
    for one in (early, late):
        for _ in range(5):
            one.failed("unavailable", 0.0)
    assert early.state(5.5) == "half_open"
    assert late.state(5.5) == "open"
    assert late.state(6.0) == "half_open"


@given(st.lists(st.tuples(st.floats(0.001, 3.0), st.sampled_from(["ask", "fail", "ok", "401"])), max_size=200))
def test_an_open_breaker_lets_nothing_through_and_a_half_open_one_a_single_probe(
    steps: list[tuple[float, str]],
) -> None:
    one, now, probe_at = breaker(), 0.0, None
    for wait, step in steps:
        now += wait
        state = one.state(now)
        if step == "ask":
            passed = one.allow(now)
            probing = probe_at is not None and now < probe_at + SETTINGS.probe_s
            assert passed == (state == "closed" or (state == "half_open" and not probing))
            if passed and state == "half_open":
                probe_at = now
        elif step == "ok":
            one.succeeded(now)
        else:
            one.failed("unauthorized" if step == "401" else "timeout", now)
        if one.state(now) != "half_open":
            probe_at = None


# --- the budget -------------------------------------------------------------------------------------------------------


def test_a_tenth_of_what_is_offered_may_be_tried_again() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.offer(1.0)
    assert sum(budget.take(2.0) for _ in range(1000)) == 100
    assert budget.refused == 900


def test_a_single_call_has_retries_too() -> None:
    budget = RetryBudget()
    budget.offer(1.0)
    assert [budget.take(1.0) for _ in range(4)] == [True, True, True, False]
    assert budget.take(61.1)
