import pytest

from bridges.tts.elevenlabs.failures import said, told


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
