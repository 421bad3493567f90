import pytest

from bridges.openai import failures
from bridges.openai.wire import ErrorBody


@pytest.mark.parametrize("code", sorted(failures.FATAL))
@pytest.mark.parametrize("begun", [True, False])
def test_fatal_codes_end_the_session_at_any_time(code: str, begun: bool) -> None:
    ending = failures.fatal(ErrorBody("text of the provider", code=code), begun=begun)
    assert ending is not None
    assert (ending.message, ending.code, ending.retryable) == failures.FATAL[code]


def test_any_other_code_is_fatal_only_before_the_beginning() -> None:
    error = ErrorBody("text", "invalid_request_error", "unknown_parameter", "session.voice")
    assert failures.fatal(error, begun=True) is None
    ending = failures.fatal(error, begun=False)
    assert ending is not None
    assert (ending.code, ending.retryable) == ("refused", False)
    assert "unknown_parameter, session.voice" in ending.message


def test_a_limit_or_a_failing_server_at_the_beginning_can_be_tried_again() -> None:
    limit = failures.fatal(ErrorBody(code="rate_limit_exceeded"), begun=False)
    broken = failures.fatal(ErrorBody(type="server_error"), begun=False)
    assert limit is not None
    assert broken is not None
    assert (limit.code, limit.retryable, broken.retryable) == ("rate_limited", True, True)


def test_nothing_strange_gets_into_the_text() -> None:
    error = ErrorBody("said by the caller", code="a b\nc", param="x" * 500)
    ending = failures.fatal(error, begun=False)
    assert ending is not None
    assert ending.message == "the provider refused the session's configuration ()"


@pytest.mark.parametrize(
    ("code", "word", "retryable"),
    [
        (1001, "connection_lost", True),
        (1006, "connection_lost", True),
        (1008, "unauthorized", False),
        (1009, "too_large", True),
        (1011, "connection_lost", True),
        (1012, "unavailable", True),
        (1013, "rate_limited", True),
        (4000, "refused", False),
    ],
)
def test_closes(code: int, word: str, retryable: bool) -> None:
    failure = failures.closed(code, begun=True)
    assert failure is not None
    assert (failure.code, failure.retryable) == (word, retryable)


def test_a_normal_close_is_an_end_only_of_what_had_begun() -> None:
    assert failures.closed(1000, begun=True) is None
    assert failures.closed(1000, begun=False) is not None
