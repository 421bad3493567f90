"""Server-sent events as OpenAI's audio API sends them: ``data:`` lines only, the type is in the data."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

CONTENT_TYPE = "text/event-stream"
LAST = b"data: [DONE]\n\n"


def event(data: dict[str, Any]) -> bytes:
    """Return one event."""
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def event_stream() -> web.StreamResponse:
    """Return the response that events are written to; proxies are asked not to hold them back."""
    return web.StreamResponse(headers={"Content-Type": CONTENT_TYPE, "X-Accel-Buffering": "no"})
