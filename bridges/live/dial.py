"""Where GPT-Live is, and how one shows a key (OpenAI API reference, "Live": primary WebSocket)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridges.link import Target
from bridges.options import GptLive
from bridges.realtime import Dial, always

if TYPE_CHECKING:
    import httpx

URL = "wss://api.openai.com/v1/live/sessions"


def dial(chosen: GptLive, _http: httpx.AsyncClient) -> Dial:
    """Return what says where a call's socket is to be opened; the key goes to that host and to no other."""
    return always(Target(chosen.url or URL, {"Authorization": f"Bearer {chosen.key}"}))
