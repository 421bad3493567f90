import pytest

from bridges.refusals import said


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"why"}}', "why", "no"),
        (b'{"error":{"message":"pay","type":"insufficient_quota","code":null}}', "insufficient_quota", "pay"),
        (b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}', "RESOURCE_EXHAUSTED", "slow"),
        (b'{"error":"no such model"}', "", "no such model"),
        (b'{"detail":"Not Found"}', "", "Not Found"),
        (b'{"detail":[{"loc":["body"],"msg":"x"}]}', "", ""),
        (b"[]", "", ""),
        (b"<html>", "", ""),
        (b"\xff", "", ""),
        (b"[" * 15_000, "", ""),
        (b'{"error":{"message":"no","type":"server_error","param":null,"code":null}}', "server_error", "no"),
        (b'[{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}]', "PERMISSION_DENIED", "no"),
        (b'{"detail":{"error":"validation_error","message":"Voice not found"}}', "validation_error", "Voice not found"),
        (b"Unsupported voice en-US-Nobody.", "", "Unsupported voice en-US-Nobody."),
        (b"", "", ""),
        (b'{"error":' * 9000, "", ""),
        (b'{"error":{"code":{},"message":[]}}', "", ""),
    ],
)
def test_what_a_body_says(body: bytes, code: str, message: str) -> None:
    assert said(body) == (code, message)
