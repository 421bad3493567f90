import pytest

from bridges.deepgram.dial import URL, dial
from bridges.options import DeepgramAgent
from mediaserver.bridge import Opening
from mediaserver.settings import Settings


@pytest.mark.parametrize(("url", "where"), [("", URL), ("wss://api.eu.deepgram.com/agent", None)])
async def test_the_key_goes_into_a_header_and_is_never_shown(url: str, where: str | None) -> None:
    calling = dial(DeepgramAgent(key="dg-secret", url=url), None)  # type: ignore[arg-type]
    target = await calling(Opening(Settings("m")))
    assert target.url == (where or url)
    assert target.headers == {"Authorization": "Token dg-secret"}
    assert "secret" not in repr(target)
