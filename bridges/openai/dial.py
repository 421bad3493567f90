"""Where an OpenAI realtime session is opened, and with what credentials."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import httpx

from bridges import options
from bridges.link import Target
from bridges.realtime import Dial
from mediaserver.bridge import Opening

URL = "https://api.openai.com/v1/realtime"
MODEL = "gpt-realtime-2.1"


def dial(told: options.OpenAI, http: httpx.AsyncClient) -> Dial:
    """Return how to connect; nothing is asked over HTTP before.

    The beta header is never sent: the provider answers it with ``beta_api_shape_disabled``.
    """
    headers = {"Authorization": f"Bearer {told.key.strip()}"} if told.key else {}
    headers |= {"OpenAI-Organization": told.organization} if told.organization else {}
    headers |= {"OpenAI-Project": told.project} if told.project else {}
    target = Target(address(told.url or URL, model=told.model or MODEL), headers)

    async def connect(opening: Opening) -> Target:
        return target

    return connect


def address(url: str, **query: str) -> str:
    """Return the WebSocket address of an HTTP or WebSocket one, with these parameters more."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items() if value)
    return parts._replace(scheme=scheme, query="&".join(each for each in (parts.query, asked) if each)).geturl()
