"""What is tried again, and how often."""

import pytest

from bridges.retries import LONGEST_WAIT_S, Refusal, refusal, wait_before
from mediaserver.errors import BridgeError


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "invalid_request", False),
        (401, "unauthorized", False),
        (418, "refused", False),
        (429, "rate_limited", True),
        (500, "unavailable", True),
        (529, "unavailable", True),
    ],
)
def test_a_status_has_a_meaning(status: int, code: str, retryable: bool) -> None:
    failure = refusal("the voice", Refusal(status, message="no"))
    assert (failure.code, failure.retryable) == (code, retryable)
    assert failure.message == f"the voice refused ({status}): no"


def test_an_empty_account_is_never_asked_again() -> None:
    failure = refusal("the voice", Refusal(429, "1", "insufficient_quota", "pay"))
    assert failure.code == "insufficient_quota" and not failure.retryable
    assert wait_before(failure, 1, 0.5) is None


def test_the_wait_grows_and_is_spread() -> None:
    failure = BridgeError("busy", code="unavailable")
    assert [wait_before(failure, attempt, 0.5) for attempt in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert wait_before(failure, 1, 0.0) == 0.05


@pytest.mark.parametrize(("told", "wait"), [("1", 1.0), ("0", 0.0), ("1000000000", None), ("x", 0.1), ("60", None)])
def test_the_providers_own_wait_is_kept_to_when_it_is_short(told: str, wait: float | None) -> None:
    assert wait_before(refusal("it", Refusal(429, told)), 1, 0.5) == wait
    assert LONGEST_WAIT_S == 2


def test_a_timeout_is_not_tried_again_here() -> None:
    assert wait_before(BridgeError("late", code="timeout"), 1, 0.5) is None
