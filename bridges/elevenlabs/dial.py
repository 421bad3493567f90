"""Where a conversation with an agent takes place: its public address, or a signed one that the key buys.

Source: ElevenLabs API reference, "WebSocket" and "Get signed URL". A signed URL has to be opened within 15 minutes and is a
credential itself.
"""

from __future__ import annotations

import httpx
import msgspec

from bridges.address import address
from bridges.fetch import checked, fetch, read
from bridges.link import Target
from bridges.options import ElevenLabs
from bridges.realtime import Dial
from mediaserver.bridge import Opening

API = "https://api.elevenlabs.io"
DOMAINS = ("elevenlabs.io",)
MAX_MESSAGE = 1 << 20


class _Signed(msgspec.Struct):
    signed_url: str


def dial(chosen: ElevenLabs, http: httpx.AsyncClient) -> Dial:
    """Return what says where the next conversation is."""
    base = (chosen.url or API).rstrip("/")

    async def where(_opening: Opening) -> Target:
        if not chosen.key:
            return Target(public(base, chosen.agent_id), max_message=MAX_MESSAGE)
        return Target(await _signed(http, base, chosen), max_message=MAX_MESSAGE)

    return where


def public(base: str, agent_id: str) -> str:
    """Return the address of an agent that asks for no key."""
    return address(f"{base.rstrip('/')}/v1/convai/conversation", agent_id=agent_id)


async def _signed(http: httpx.AsyncClient, base: str, chosen: ElevenLabs) -> str:
    body = await fetch(
        http,
        "GET",
        f"{base}/v1/convai/conversation/get-signed-url",
        headers={"xi-api-key": chosen.key},
        params={"agent_id": chosen.agent_id},
    )
    return checked(read(body, _Signed).signed_url, base, DOMAINS)
