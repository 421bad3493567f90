import pytest

from bridges.llm.rest import LONG, Rest


def failed(rest: Rest, *times: float, code: str = "unavailable") -> Rest:
    for at in times:
        rest.asked(at)
        rest.failed(code, at)
    return rest


def test_rests_after_five_failures_in_ten_seconds() -> None:
    rest = failed(Rest(5, 10, 5), 0, 1, 2, 3)
    assert rest.may(3)
    failed(rest, 4)
    assert not rest.may(4) and not rest.may(8.9) and rest.may(9)
    assert failed(Rest(5, 10, 5), 0, 5, 10, 15, 20).may(20)


def test_then_one_request_decides() -> None:
    rest = failed(Rest(1, 10, 5), 0)
    rest.asked(5)
    assert not rest.may(5.1)
    rest.failed("timeout", 6)
    assert not rest.may(10) and rest.may(11)
    rest.asked(11)
    rest.answered(12)
    assert rest.may(12)
    failed(Rest(2, 10, 5), 12)


def test_a_request_that_was_given_up_decides_nothing() -> None:
    rest = failed(Rest(1, 10, 5), 0)
    rest.asked(5)
    rest.left()
    assert rest.may(6)
    rest.asked(6)
    assert not rest.may(15) and rest.may(16)  # nobody told of its end


def test_requests_that_were_under_way_change_nothing() -> None:
    rest = failed(Rest(1, 10, 5), 0)
    rest.answered(1)
    assert not rest.may(1)
    rest.failed("unavailable", 4)
    assert rest.may(5)


@pytest.mark.parametrize(("code", "until"), [("refused", 0.0), ("unauthorized", 5.0 * LONG), ("model_not_found", 60.0)])
def test_what_a_failure_says_of_the_next_request(code: str, until: float) -> None:
    rest = failed(Rest(2, 10, 5), 0, code=code)
    assert rest.may(until) and (until == 0 or not rest.may(until - 1))
