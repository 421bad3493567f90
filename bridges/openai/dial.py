"""Where an OpenAI realtime session is opened, and with what credentials."""

from __future__ import annotations

import httpx

from bridges import options
from bridges.address import address
from bridges.link import Target
from bridges.realtime import Dial, always

URL = "https://api.openai.com/v1/realtime"
MODEL = "gpt-realtime-2.1"


def dial(told: options.OpenAI, http: httpx.AsyncClient) -> Dial:
    """Return how to connect; nothing is asked over HTTP before.

    The beta header is never sent: the provider answers it with ``beta_api_shape_disabled``.
    """
    headers = {"Authorization": f"Bearer {told.key.strip()}"} if told.key else {}
    headers |= {"OpenAI-Organization": told.organization} if told.organization else {}
    headers |= {"OpenAI-Project": told.project} if told.project else {}
    return always(Target(address(told.url or URL, model=told.model or MODEL), headers))
