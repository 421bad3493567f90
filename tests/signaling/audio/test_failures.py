import pytest

from mediaserver.errors import (
    BridgeError,
    Hangup,
    MediaError,
    MediaServerError,
    NotFound,
    Overloaded,
    RequestError,
    Unsupported,
)
from signaling.audio.failures import told


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (BridgeError("x", code="rate_limited", retry_after=6.2), 503, "rate_limited"),
        (BridgeError("x", code="unavailable"), 503, "unavailable"),
        (BridgeError("x", code="unauthorized", retryable=False), 502, "unauthorized"),
        (BridgeError("x", code="something new"), 502, "something new"),
        (BridgeError("x", code="invalid_request"), 400, "invalid_request"),
        (BridgeError("x", code="too_large"), 413, "too_large"),
        (Unsupported("x"), 400, "unsupported_by_provider"),
        (MediaError("x"), 400, "unusable_sound"),
        (TimeoutError(), 503, "timeout"),
        (Hangup("x"), 502, "engine_failed"),
        (NotFound("x"), 404, "not_found"),
    ],
)
def test_every_failure_has_its_answer(problem: Exception, status: int, code: str) -> None:
    with pytest.raises(RequestError) as refused, told():
        raise problem
    assert (refused.value.status, refused.value.code) == (status, code) and refused.value.message


def test_a_provider_says_when_to_come_again() -> None:
    with pytest.raises(Overloaded) as refused, told():
        raise BridgeError("x", code="rate_limited", retry_after=6.2)
    assert refused.value.retry_after == 7


def test_what_is_no_failure_of_an_engine_goes_on_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), told():
        raise ZeroDivisionError
    assert issubclass(BridgeError, MediaServerError)
