import httpx
import pytest

from bridges.fetch import checked, fetch
from mediaserver.errors import BridgeError


async def ask(answer: httpx.Response | Exception, limit: int = 1000) -> bytes:
    def respond(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
        return await fetch(http, "GET", "http://provider.example/x?k=SECRET", headers={"key": "SECRET"}, limit=limit)


async def test_returns_the_body() -> None:
    assert await ask(httpx.Response(201, content=b"made")) == b"made"


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (httpx.Response(401), "unauthorized", False),
        (httpx.Response(402), "refused", False),
        (httpx.Response(403), "unauthorized", False),
        (httpx.Response(302, headers={"Location": "http://evil.example"}), "refused", False),
        (httpx.Response(429), "rate_limited", True),
        (httpx.Response(500), "unavailable", True),
        (httpx.Response(200, content=b"x" * 1001), "too_large", True),
        (httpx.ReadTimeout("SECRET"), "timeout", True),
        (httpx.ConnectError("SECRET"), "unavailable", True),
    ],
)
async def test_says_what_went_wrong_and_no_secret(
    answer: httpx.Response | Exception, code: str, retryable: bool
) -> None:
    with pytest.raises(BridgeError) as failed:
        await ask(answer)
    assert (failed.value.code, failed.value.retryable) == (code, retryable)
    assert "SECRET" not in str(failed.value)


async def test_keeps_what_was_asked_for_in_seconds() -> None:
    with pytest.raises(BridgeError) as failed:
        await ask(httpx.Response(429, headers={"Retry-After": "9"}))
    assert failed.value.retry_after == 9


@pytest.mark.parametrize(
    ("address", "base", "good"),
    [
        ("wss://a.example/x?t=1", "https://a.example", True),
        ("wss://calls.vendor.example:8443/x", "https://a.example", True),
        ("wss://vendor.example/x", "https://a.example", True),
        ("ws://127.0.0.1:9/x", "http://127.0.0.1:8", True),
        ("ws://a.example/x", "https://a.example", False),
        ("wss://notvendor.example/x", "https://a.example", False),
        ("http://a.example/x", "http://a.example", False),
        ("wss://a.example@evil.example/x", "https://a.example", False),
        ("wss://a.example:port/x", "https://a.example", False),
        ("wss://[::1/x", "https://a.example", False),
        ("", "https://a.example", False),
    ],
)
def test_follows_only_known_hosts(address: str, base: str, good: bool) -> None:
    if good:
        assert checked(address, base, ("vendor.example",)) == address
        return
    with pytest.raises(BridgeError):
        checked(address, base, ("vendor.example",))
