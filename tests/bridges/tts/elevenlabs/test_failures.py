import pytest

from bridges.tts.elevenlabs.failures import ended, said, told


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"detail": {"status": "quota_exceeded", "message": "Too much."}}', ("quota_exceeded", "Too much.")),
        (b'{"detail": "Not found"}', ("", "Not found")),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', ("invalid_request", "field required")),
        (b'{"error": 1}', ("", "")),
        (b"[" * 100_000, ("", "")),
        (b"<html>", ("", "")),
        (b"7", ("", "")),
    ],
)
def test_errors_are_read_whatever_their_shape(body: bytes, what: tuple[str, str]) -> None:
    assert said(body) == what


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        ("invalid_api_key", "unauthorized", False),
        ("max_active_conversations", "rate_limited", True),
        (None, "provider_error", True),
    ],
)
def test_a_socket_tells_its_error(error: str | None, code: str, retryable: bool) -> None:
    assert (told(error).code, told(error).retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("close", "code"), [(1000, "connection_lost"), (1006, "connection_lost"), (1008, "refused"), (1011, "unavailable")]
)
def test_an_ordinary_end_is_none_for_a_text_that_is_not_complete(close: int, code: str) -> None:
    assert ended(close).code == code
