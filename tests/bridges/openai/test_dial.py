import httpx

from bridges.openai.dial import dial
from bridges.options import OpenAI
from mediaserver.bridge import Opening
from mediaserver.settings import Settings


async def test_the_vendors_address_and_the_key() -> None:
    async with httpx.AsyncClient() as http:
        target = await dial(OpenAI(key=" sk-1\n", organization="org", project="proj"), http)(Opening(Settings("m")))
    assert target.url == "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"
    assert target.headers == {
        "Authorization": "Bearer sk-1",
        "OpenAI-Organization": "org",
        "OpenAI-Project": "proj",
    }


async def test_another_address_and_no_key() -> None:
    async with httpx.AsyncClient() as http:
        target = await dial(OpenAI(url="http://127.0.0.1:1/v1/realtime", model="a b"), http)(Opening(Settings("m")))
    assert (target.url, target.headers) == ("ws://127.0.0.1:1/v1/realtime?model=a%20b", {})
