import pytest

from bridges.tts.refusals import said


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error":{"message":"no","type":"requests","code":"rate_limit_exceeded"}}', "rate_limit_exceeded", "no"),
        (b'{"error":{"message":"no","type":"server_error","param":null,"code":null}}', "server_error", "no"),
        (b'{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}', "PERMISSION_DENIED", "no"),
        (b'{"detail":{"error":"validation_error","message":"Voice not found"}}', "validation_error", "Voice not found"),
        (b'{"detail":"Not Found"}', "", "Not Found"),
        (b'{"error":"invalid"}', "", "invalid"),
        (b"Unsupported voice en-US-Nobody.", "", "Unsupported voice en-US-Nobody."),
        (b"<html>", "", ""),
        (b"", "", ""),
        (b"[1]", "", ""),
        (b'{"error":{"code":[],"message":{}}}', "", ""),
        (b'{"error":' * 9000, "", None),
        (b"\xff\xfe", "", None),
    ],
)  # fmt: skip
def test_what_is_said(body: bytes, code: str, message: str | None) -> None:
    found = said(body)
    assert found[0] == code and (message is None or found[1] == message)
