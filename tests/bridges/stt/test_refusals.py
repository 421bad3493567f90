import pytest

from bridges.stt.refusals import said


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
        (b'{"error":{"code":{},"message":[]}}', "", ""),
    ],
)
def test_what_a_body_says(body: bytes, code: str, message: str) -> None:
    assert said(body) == (code, message)
