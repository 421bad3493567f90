"""A call is made over HTTP with the key; the address that comes back is its credential and all that the socket needs.

Source: Ultravox API reference, "Create Call", "Create Agent Call".
"""

from __future__ import annotations

from urllib.parse import quote

import httpx
import msgspec

from bridges.fetch import checked, fetch, read
from bridges.link import Target
from bridges.options import Ultravox
from bridges.realtime import Dial
from bridges.ultravox.call import body
from mediaserver.bridge import Opening

API = "https://api.ultravox.ai"
DOMAINS = ("ultravox.ai",)
MAX_MESSAGE = 1 << 20


class _Call(msgspec.Struct, rename="camel"):
    join_url: str


def dial(chosen: Ultravox, http: httpx.AsyncClient) -> Dial:
    """Return what makes the next call and says where it is."""
    base = (chosen.url or API).rstrip("/")
    path = f"/api/agents/{quote(chosen.agent_id, safe='')}/calls" if chosen.agent_id else "/api/calls"

    async def where(opening: Opening) -> Target:
        answer = await fetch(http, "POST", base + path, headers={"X-API-Key": chosen.key}, body=body(chosen, opening))
        address = checked(read(answer, _Call).join_url, base, (*DOMAINS, *chosen.join_hosts))
        return Target(address, max_message=MAX_MESSAGE)

    return where
