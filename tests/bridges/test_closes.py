import pytest

from bridges.closes import closed


@pytest.mark.parametrize(
    ("code", "word", "retryable"),
    [
        (1006, "connection_lost", True),
        (1008, "refused", False),
        (1013, "rate_limited", True),
        (4321, "provider_error", True),
    ],
)
def test_a_close_has_a_code_of_ours_and_names_its_own(code: int, word: str, retryable: bool) -> None:
    failure = closed(code)
    assert (failure.code, failure.retryable) == (word, retryable)
    assert str(code) in failure.message
