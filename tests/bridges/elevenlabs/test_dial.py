import httpx
import pytest

from bridges.elevenlabs.dial import dial, public
from bridges.options import ElevenLabs
from mediaserver.bridge import Opening
from mediaserver.errors import BridgeError
from mediaserver.settings import Settings

OPENING = Opening(Settings("m"))


async def where(answer: httpx.Response | Exception, **options: str) -> str:
    """Dial with a transport that answers this, and return the address."""
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
        chosen = ElevenLabs(agent_id="agent 1/é", **options)
        target = await dial(chosen, http)(OPENING)
    assert "signature" not in repr(target)
    for request in seen:
        assert request.headers["xi-api-key"] == "k3y"
        assert request.url.params["agent_id"] == "agent 1/é"
    return target.url


async def test_a_public_agent_needs_no_request() -> None:
    told = await where(httpx.Response(500))
    assert told == "wss://api.elevenlabs.io/v1/convai/conversation?agent_id=agent%201%2F%C3%A9"


def test_another_base_keeps_its_path() -> None:
    assert public("http://127.0.0.1:80/el/", "a") == "ws://127.0.0.1:80/el/v1/convai/conversation?agent_id=a"


@pytest.mark.parametrize("host", ["api.elevenlabs.io", "api.eu.residency.elevenlabs.io", "elevenlabs.io:443"])
async def test_a_signed_address_at_the_vendor(host: str) -> None:
    url = f"wss://{host}/x?signature=s"
    assert await where(httpx.Response(200, json={"signed_url": url}), key="k3y") == url


@pytest.mark.parametrize(
    "url",
    [
        "wss://elevenlabs.io.evil.example/x",
        "wss://evilelevenlabs.io/x",
        "ws://api.elevenlabs.io/x",
        "https://api.elevenlabs.io/x",
        "wss://user@api.elevenlabs.io/x",
        "wss:///x",
    ],
)
async def test_any_other_address_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(BridgeError) as refused:
        await where(httpx.Response(200, json={"signed_url": url + "?signature=s"}), key="k3y")
    assert refused.value.code == "refused"
    assert "signature" not in refused.value.message


@pytest.mark.parametrize("answer", [{"url": "x"}, {"signed_url": 7}, [], "wss://x"])
async def test_an_answer_without_an_address(answer: object) -> None:
    with pytest.raises(BridgeError) as refused:
        await where(httpx.Response(200, json=answer), key="k3y")
    assert refused.value.code == "protocol_error"
