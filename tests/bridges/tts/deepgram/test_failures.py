import pytest

from bridges.tts.deepgram.failures import said, told


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"err_code": "INVALID_AUTH", "err_msg": "No."}', ("INVALID_AUTH", "No.")),
        (b'{"category": "INVALID_JSON", "message": "Bad.", "details": "x"}', ("INVALID_JSON", "Bad.")),
        (b"[1]", ("", "")),
        (b"[" * 100_000, ("", "")),
        (b"plain", ("", "")),
    ],
)
def test_errors_are_read_whatever_their_shape(body: bytes, what: tuple[str, str]) -> None:
    assert said(body) == what


@pytest.mark.parametrize(
    ("code", "word", "retryable"),
    [("DATA-0000", "invalid_request", False), ("NET-0001", "connection_lost", True), (None, "provider_error", True)],
)
def test_a_socket_tells_its_error(code: str | None, word: str, retryable: bool) -> None:
    assert (told(code).code, told(code).retryable) == (word, retryable)
