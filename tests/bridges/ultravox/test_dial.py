import json
from typing import Any

import httpx
import pytest

from bridges.options import Ultravox
from bridges.ultravox.dial import dial
from mediaserver.bridge import Opening
from mediaserver.errors import BridgeError
from mediaserver.settings import Settings

OPENING = Opening(Settings("m", "Be brief."))


async def where(answer: httpx.Response, **options: Any) -> tuple[str, httpx.Request]:
    """Dial with a transport that answers this, and return the address and the request."""
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
        target = await dial(Ultravox(key="k3y", **options), http)(OPENING)
    assert "SECRET" not in repr(target)
    assert seen[0].headers["X-API-Key"] == "k3y"
    return target.url, seen[0]


def made(url: Any) -> httpx.Response:
    return httpx.Response(201, json={"callId": "c", "joinUrl": url})


async def test_a_call_is_made_and_joined_at_the_vendor() -> None:
    url, request = await where(made("wss://prod-voice.ultravox.ai/calls/c?token=SECRET"))
    assert url == "wss://prod-voice.ultravox.ai/calls/c?token=SECRET"
    assert str(request.url) == "https://api.ultravox.ai/api/calls"
    assert json.loads(request.content)["systemPrompt"] == "Be brief."


async def test_a_stored_agent_has_a_path_of_its_own() -> None:
    _, request = await where(made("ws://127.0.0.1:9/x"), agent_id="a/b", url="http://127.0.0.1:8/")
    assert request.url.raw_path == b"/api/agents/a%2Fb/calls"


@pytest.mark.parametrize("url", ["wss://voice.example/x?SECRET", "ws://calls.ultravox.ai/SECRET", 7, None])
async def test_any_other_address_is_refused_without_being_told(url: Any) -> None:
    with pytest.raises(BridgeError) as refused:
        await where(made(url))
    assert not refused.value.retryable or refused.value.code == "protocol_error"
    assert "SECRET" not in refused.value.message


async def test_hosts_can_be_allowed() -> None:
    url, _ = await where(made("wss://eu.voice.example/x"), join_hosts=("voice.example",))
    assert url == "wss://eu.voice.example/x"
