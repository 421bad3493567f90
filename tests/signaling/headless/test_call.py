import asyncio

import pytest

from signaling.headless.call import CallFailed, Target, calls_url, open_call
from signaling.headless.sound import Microphone
from tests.servers.stock_answerer import stock_answerer


@pytest.mark.parametrize(
    ("url", "posted"),
    [
        ("http://localhost:8080", "http://localhost:8080/v1/realtime/calls"),
        ("localhost:8080/", "http://localhost:8080/v1/realtime/calls"),
        ("https://a.example/v1", "https://a.example/v1/realtime/calls"),
        ("https://a.example/voice/v1/realtime", "https://a.example/voice/v1/realtime/calls"),
        ("https://a.example/v1/realtime/calls", "https://a.example/v1/realtime/calls"),
    ],
)
def test_where_the_offer_goes(url, posted):
    assert calls_url(url) == posted


@pytest.mark.parametrize("url", ["ftp://a.example", "http://"])
def test_what_is_no_address(url):
    with pytest.raises(CallFailed):
        calls_url(url)


def opened(url: str, key: str = "sk-local", events=None):
    heard = events if events is not None else []
    return open_call(
        Target(url, key=key),
        Microphone(),
        hear=lambda frame: heard.append("frame"),
        receive=lambda label, event: heard.append(event.get("type")),
        state=lambda state: None,
    )


async def test_a_call_hears_sound_and_events_and_hangs_up():
    heard: list[str] = []
    async with stock_answerer() as (url, calls), opened(url, events=heard) as call:
        assert call.id == "rtc_1"
        async with asyncio.timeout(5):
            while not {"session.created", "frame"} <= set(heard):
                await asyncio.sleep(0.02)
        call.send({"type": "response.create"})
        async with asyncio.timeout(5):
            while not calls[0].commands:
                await asyncio.sleep(0.02)
        assert calls[0].commands[0]["type"] == "response.create"


async def test_a_refusal_is_told_in_the_servers_words():
    async with stock_answerer() as (url, _):
        with pytest.raises(ExceptionGroup) as refused:
            async with opened(url, key="wrong"):
                pass
    assert "401: we do not know this key" in str(refused.value.exceptions[0])


async def test_nobody_there():
    with pytest.raises(ExceptionGroup) as refused:
        async with opened("http://127.0.0.1:9"):
            pass
    assert "Is the server running?" in str(refused.value.exceptions[0])
