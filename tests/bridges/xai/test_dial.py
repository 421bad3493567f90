import httpx

from bridges.options import Xai
from bridges.xai.dial import dial
from mediaserver.bridge import Opening
from mediaserver.settings import Settings


async def test_the_vendors_address_and_the_key() -> None:
    async with httpx.AsyncClient() as http:
        target = await dial(Xai(key="k"), http)(Opening(Settings("m")))
    assert target.url == "wss://api.x.ai/v1/realtime?model=grok-voice-3.0"
    assert target.headers == {"Authorization": "Bearer k"}


async def test_a_conversation_is_resumed_by_its_name_where_that_is_wanted() -> None:
    opening = Opening(Settings("m"), resume="cv 1")
    async with httpx.AsyncClient() as http:
        resumed = await dial(Xai(url="ws://h/v1/realtime", model="g"), http)(opening)
        anew = await dial(Xai(url="ws://h/v1/realtime", model="g", resume=False), http)(opening)
    assert resumed.url == "ws://h/v1/realtime?model=g&conversation_id=cv%201"
    assert anew.url == "ws://h/v1/realtime?model=g"
