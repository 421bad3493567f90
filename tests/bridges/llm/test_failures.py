import pytest

from bridges.llm.failures import check_end, cut, mid_stream, said
from mediaserver.errors import BridgeError


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": {"message": "no", "code": "invalid_api_key", "type": "x"}}', ("invalid_api_key", "no")),
        (
            b'{"error": {"message": "no", "code": null, "type": "invalid_request_error"}}',
            ("invalid_request_error", "no"),
        ),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}', ("overloaded_error", "busy")),
        (
            b'[{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]',
            ("RESOURCE_EXHAUSTED", "slow"),
        ),
        (b'{"error": "model not found"}', ("", "model not found")),
        (b"<html>", ("", "")),
        (b"[" * 50_000, ("", "")),
        (b'{"error": 7}', ("", "")),
        (b"\xff\xfe", ("", "")),
    ],
)
def test_reads_the_errors_of_every_provider(body: bytes, told: tuple[str, str]) -> None:
    assert said(body) == told


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        ({"type": "overloaded_error", "message": "busy"}, "unavailable", True),
        ({"type": "invalid_request_error"}, "invalid_request", False),
        ({"code": "tool_use_failed", "type": "invalid_request_error"}, "provider_error", True),
        ({"status": "RESOURCE_EXHAUSTED", "code": 429}, "rate_limited", True),
        ("nobody knows", "provider_error", True),
        (None, "provider_error", True),
    ],
)
def test_an_error_in_the_stream_says_whether_another_try_helps(error: object, code: str, retryable: bool) -> None:
    failure = mid_stream(error)
    assert (failure.code, failure.retryable) == (code, retryable)


def test_only_bad_ends_are_failures() -> None:
    for good in ("", "stop", "length", "end_turn", "tool_use", "STOP", "MAX_TOKENS", "eos"):
        check_end(good)
    with pytest.raises(BridgeError, match="SAFETY"):
        check_end("SAFETY")
    assert cut().retryable
