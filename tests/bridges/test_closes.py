import pytest

from bridges.closes import broken_off, closed


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


@pytest.mark.parametrize(
    ("code", "word"), [(1000, "connection_lost"), (1006, "connection_lost"), (1008, "refused"), (1011, "unavailable")]
)
def test_an_ordinary_end_is_none_for_what_is_not_complete(code: int, word: str) -> None:
    assert broken_off(code, "the voice").code == word
