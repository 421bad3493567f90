import pytest

from bridges.gemini.failures import ended


@pytest.mark.parametrize(
    ("code", "reason", "word", "retryable"),
    [
        (1000, "", "session_expired", True),
        (1006, "", "connection_lost", True),
        (1007, "API key not valid. Please pass a valid API key.", "unauthorized", False),
        (1007, "Request contains an invalid argument.", "refused", False),
        (1008, "models/x is not found for API version v1beta", "refused", False),
        (1008, "Permission denied on resource project p.", "unauthorized", False),
        (1009, "", "too_large", False),
        (1011, "You exceeded your current quota", "rate_limited", True),
        (1011, "Resource has been exhausted", "rate_limited", True),
        (1011, "Deadline expired before operation could complete.", "session_expired", True),
        (1011, "Internal error encountered.", "unavailable", True),
        (4000, "", "provider_error", True),
    ],
)
def test_the_reason_of_a_close_is_the_error(code: int, reason: str, word: str, retryable: bool) -> None:
    failure = ended(code, reason)
    assert (failure.code, failure.retryable) == (word, retryable)
    assert not reason or reason not in failure.message


def test_a_session_that_cannot_be_taken_up_again_can_be_begun_anew() -> None:
    assert ended(1007, "invalid handle", resuming=True).retryable
    assert not ended(1007, "API key not valid", resuming=True).retryable
