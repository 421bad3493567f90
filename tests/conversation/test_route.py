from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.breaker import BreakerSettings, RetryBudget
from mediaserver.conversation.route import LONGEST_BACKOFF_S, RETRY_AFTER_S, Failure, Route, Search
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.gateway.health import Breakers

LOST = Failure("connection_lost")
DOWN = Failure("unavailable")
EXPIRED = Failure("session_expired")
REFUSED = Failure("unauthorized", retryable=False)


@dataclass(frozen=True)
class Place:
    name: str
    provider: str = ""
    region: str = ""
    max_session_s: float | None = None


def places(*providers: str) -> list[Place]:
    return [Place(provider, provider) for provider in providers]


def route(*providers: str, reserve: int = 3, failures: int = 5) -> Route:
    settings = BreakerSettings(failures=failures)
    return Route(places(*providers), Breakers(settings, lambda: 0.0, lambda: RetryBudget(reserve=reserve)), lambda: 1.0)


@pytest.mark.parametrize(
    ("error", "treatment"),
    [
        (BridgeError("", code="connection_lost"), "same_first"),
        (BridgeError("", code="session_expired"), "same_first"),
        (BridgeError("", code="timeout"), "others_first"),
        (BridgeError("", code="protocol_error"), "others_first"),
        (BridgeError("", code="rate_limited", retry_after=3.0), "others_first"),
        (BridgeError("", code="unauthorized", retryable=False), "never"),
        (BridgeError("", code="refused", retryable=False), "never"),
        (Unsupported(""), "never"),
    ],
)
def test_what_an_error_means_for_the_route(error: BridgeError, treatment: str) -> None:
    failure = Failure.of(error)
    assert failure.treatment == treatment
    assert failure.retry_after == error.retry_after


def test_a_lost_connection_is_tried_again_at_the_same_place_once_then_elsewhere() -> None:
    one, search = route("a", "b"), Search(0, LOST)
    one.failed(0, LOST, 1.0, stood=True)
    assert one.next(search, 1.0) == 0
    assert one.next(search, 1.0, {0}) == 1
    one.failed(0, LOST, 1.1)
    one.failed(1, DOWN, 1.1)
    assert one.next(search, 1.1) is None
    assert one.opens_at(1.1) == pytest.approx(1.1 + 0.25)
    assert one.next(search, 1.4) == 0


def test_any_other_failure_sends_elsewhere_first() -> None:
    one, search = route("a", "b", "c"), Search(1, DOWN)
    one.failed(1, DOWN, 1.0, stood=True)
    assert [one.next(search, 1.0, busy) for busy in (set(), {2}, {2, 0})] == [2, 0, 1]


def test_with_a_single_place_it_is_that_one() -> None:
    one = route("a", reserve=0)
    one.failed(0, DOWN, 1.0, stood=True)
    assert one.next(Search(0, DOWN), 1.0) == 0


def test_without_budget_a_lost_connection_goes_elsewhere() -> None:
    one = route("a", "b", reserve=0)
    one.failed(0, LOST, 1.0, stood=True)
    assert one.next(Search(0, LOST), 1.0) == 1


def test_to_come_back_after_a_session_that_ended_as_agreed_is_no_retry() -> None:
    one = route("a", "b", reserve=0)
    one.failed(0, EXPIRED, 1.0, stood=True)
    assert one.next(Search(0, EXPIRED), 1.0) == 0


def test_an_open_breaker_is_passed_by() -> None:
    one = route("a", "b", failures=1)
    one.failed(0, DOWN, 1.0, stood=True)
    assert one.next(Search(0), 1.0) == 1


def test_connections_that_break_do_not_open_a_breaker_but_sessions_that_cannot_be_opened_do() -> None:
    one = route("a", failures=1)
    for _ in range(10):
        one.failed(0, LOST, 1.0, stood=True)
    assert one.next(Search(0), 1.0) == 0
    one.failed(0, LOST, 1.0)
    assert one.next(Search(0), 2.0) is None


def test_refused_credentials_are_never_tried_again_anywhere_they_are_used() -> None:
    one = Route([*places("a", "b"), Place("a2", "a"), Place("a3", "a", "us")], Breakers(), lambda: 1.0)
    one.failed(0, REFUSED, 1.0)
    search = Search(0)
    assert {one.next(search, 1e6 + 60 * turn) for turn in range(10)} == {1, 3}


def test_what_does_not_allow_another_try_gets_none() -> None:
    one = route("a")
    one.failed(0, Failure("refused", retryable=False), 1.0)
    assert one.next(Search(0), 1e9) is None
    assert one.opens_at(1.0) is None


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(2.0, 2.0), (None, 0.25), (1e9, RETRY_AFTER_S), (float("inf"), RETRY_AFTER_S), (float("nan"), 0.25), (-5.0, 0.25)],
)
def test_retry_after_is_honoured_up_to_thirty_seconds(asked: float | None, waited: float) -> None:
    one = route("a")
    one.failed(0, Failure("rate_limited", retry_after=asked), 100.0, stood=True)
    assert one.opens_at(100.0) == pytest.approx(100.0 + waited)


def test_the_waits_grow_to_a_bound_and_are_not_the_same_for_two_calls() -> None:
    one = route("a")
    assert [one.backoff(strikes) for strikes in (0, 1, 2, 1000)] == [0.25, 0.5, 1.0, LONGEST_BACKOFF_S]
    assert Route(places("a"), Breakers(), lambda: 0.0).backoff(0) == 0.125


def test_a_session_that_stands_forgives_what_was_before() -> None:
    one = route("a")
    for _ in range(3):
        one.failed(0, DOWN, 1.0)
    one.stands(0, 2.0)
    one.failed(0, DOWN, 3.0)
    assert one.opens_at(3.0) == pytest.approx(3.25)


@given(
    st.lists(st.sampled_from(["connection_lost", "rate_limited", "timeout", "unauthorized"]), max_size=30), st.data()
)
def test_no_place_is_chosen_that_may_not_be(codes: list[str], data: st.DataObject) -> None:
    one, now, refused = route("a", "b", "c"), 0.0, set()
    for code in codes:
        now += data.draw(st.floats(0, 5))
        search = Search(data.draw(st.integers(0, 2)))
        busy = data.draw(st.sets(st.integers(0, 2)))
        place = one.next(search, now, busy)
        assert place is None or place not in busy | refused
        if place is not None:
            if code == "unauthorized":
                refused.add(place)
            one.failed(place, Failure(code, code != "unauthorized", 1e9), now)
            assert place in refused or one.next(search, now, {0, 1, 2} - {place}) is None
