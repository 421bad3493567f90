"""Where an Azure session is opened: the resource's GA or preview address, and its two kinds of credentials.

Source: Azure OpenAI realtime reference, "connection and authentication". An ``api-version`` on the GA address is answered
with 401, so each form has its own query.
"""

from __future__ import annotations

import httpx

from bridges import options
from bridges.address import address
from bridges.link import Target
from bridges.realtime import Dial, always
from mediaserver.errors import ConfigError

GA_PATH = "/openai/v1/realtime"
PREVIEW_PATH = "/openai/realtime"


def dial(told: options.Azure, http: httpx.AsyncClient) -> Dial:
    """Return how to connect. Raises ConfigError without a resource or a deployment: there is no default for either."""
    for name in ("url", "model"):
        if not getattr(told, name):
            raise ConfigError(
                name, "Azure needs the address of your resource (url) and the name of your deployment (model)"
            )
    key = told.key.strip()
    headers = {"Authorization": f"Bearer {key}"} if told.bearer else {"api-key": key}
    return always(Target(_address(told), headers if key else {}))


def _address(told: options.Azure) -> str:
    base = told.url.rstrip("/").removesuffix("/openai/v1")
    if told.api_version:
        query = {"api-version": told.api_version, "deployment": told.model}
        return address(base + PREVIEW_PATH, **query)
    return address(base + GA_PATH, model=told.model)
