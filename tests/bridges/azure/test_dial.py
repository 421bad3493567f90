import httpx
import pytest

from bridges.azure.dial import dial
from bridges.link import Target
from bridges.options import Azure
from mediaserver.bridge import Opening
from mediaserver.errors import ConfigError
from mediaserver.settings import Settings

RESOURCE = "https://acme.openai.azure.com"


async def target(**told: object) -> Target:
    fields = {"key": "k", "url": RESOURCE, "model": "rt prod", **told}
    async with httpx.AsyncClient() as http:
        return await dial(Azure(**fields), http)(Opening(Settings("m")))  # type: ignore[arg-type]


@pytest.mark.parametrize("url", [RESOURCE, RESOURCE + "/", RESOURCE + "/openai/v1/"])
async def test_the_ga_address_has_no_version(url: str) -> None:
    there = await target(url=url)
    assert there.url == "wss://acme.openai.azure.com/openai/v1/realtime?model=rt%20prod"
    assert there.headers == {"api-key": "k"}


async def test_the_preview_address_has_one() -> None:
    there = await target(api_version="2025-04-01-preview")
    host = "wss://acme.openai.azure.com/openai/realtime"
    assert there.url == f"{host}?api-version=2025-04-01-preview&deployment=rt%20prod"


async def test_a_token_is_a_bearer() -> None:
    assert (await target(bearer=True)).headers == {"Authorization": "Bearer k"}


@pytest.mark.parametrize("missing", ["url", "model"])
async def test_there_is_no_default_resource_or_deployment(missing: str) -> None:
    with pytest.raises(ConfigError) as raised:
        await target(**{missing: ""})
    assert raised.value.path == missing
