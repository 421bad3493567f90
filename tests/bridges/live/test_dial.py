import pytest

from bridges.live.dial import URL, dial
from bridges.options import GptLive
from mediaserver.bridge import Opening
from mediaserver.settings import Settings


@pytest.mark.parametrize(("url", "where"), [("", URL), ("wss://me.openai.azure.com/openai/v1/live", None)])
async def test_the_key_goes_into_a_header_and_is_never_shown(url: str, where: str | None) -> None:
    calling = dial(GptLive(key="sk-secret", url=url), None)  # type: ignore[arg-type]
    target = await calling(Opening(Settings("m")))
    assert target.url == (where or url)
    assert target.headers == {"Authorization": "Bearer sk-secret"}
    assert "secret" not in repr(target)
