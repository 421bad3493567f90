"""Where Deepgram's agents are, and how one shows a key (Deepgram docs, "Voice Agent": Authorization)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridges.link import Target
from bridges.options import DeepgramAgent
from bridges.realtime import Dial, always

if TYPE_CHECKING:
    import httpx

URL = "wss://agent.deepgram.com/v1/agent/converse"


def dial(chosen: DeepgramAgent, _http: httpx.AsyncClient) -> Dial:
    """Return what says where a call's socket is to be opened; the key goes to that host and to no other."""
    return always(Target(chosen.url or URL, {"Authorization": f"Token {chosen.key}"}))
