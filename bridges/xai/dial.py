"""Where a Grok Voice session is opened, and how a lost one is gone on with."""

from __future__ import annotations

import httpx

from bridges import options
from bridges.address import address
from bridges.link import Target
from bridges.realtime import Dial
from mediaserver.bridge import Opening

URL = "https://api.x.ai/v1/realtime"
MODEL = "grok-voice-3.0"


def dial(told: options.Xai, http: httpx.AsyncClient) -> Dial:
    """Return how to connect; a conversation that is resumed is named in the query (xAI documentation, "resumption")."""
    headers = {"Authorization": f"Bearer {told.key.strip()}"} if told.key else {}

    async def connect(opening: Opening) -> Target:
        resumed = {"conversation_id": opening.resume} if opening.resume and told.resume else {}
        return Target(address(told.url or URL, model=told.model or MODEL, **resumed), headers)

    return connect
