"""A function executed by a web server: an HTTP POST, signed so that the server can know who asks.

Source: Standard Webhooks specification 1.0, "Webhook metadata" and "Signature scheme" (standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import cast

import httpx
import msgspec

from bridges.tools.source import MAX_OUTPUT, Call, failed
from mediaserver.settings import Tool
from mediaserver.toolbox import ToolOutput, ToolServer
from mediaserver.toolconfig import WebhookTool

CONNECT_S = 3.0
_CONNECTIONS = httpx.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=30)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures after which the request has certainly not reached the server: only then it is sent once more."""
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")


class WebhookSource:
    """Satisfies :class:`bridges.tools.source.Source`: one function."""

    server: ToolServer | None = None

    def __init__(self, client: httpx.AsyncClient, chosen: WebhookTool, wall: Callable[[], float] = time.time) -> None:
        self.label = chosen.name
        self.declared = (Tool(chosen.name, chosen.description, chosen.parameters),)
        self.timeout_s = chosen.webhook.timeout_s
        self._url = chosen.webhook.url
        self._key = chosen.webhook.signing_key()
        self._client = client
        self._wall = wall

    async def call(self, call: Call) -> ToolOutput:
        """Post it and return the answer's text; a JSON string is returned without its quotes."""
        body = msgspec.json.encode(
            {
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
                "session_id": call.session_id,
            }
        )
        try:
            try:
                return await self._post(call.call_id, body)
            except _NEVER_SENT:
                return await self._post(call.call_id, body)
        except httpx.TimeoutException:
            return failed("the tool did not answer in time")
        except httpx.HTTPError:  # its text may name the address
            return failed("the tool cannot be reached")

    async def _post(self, call_id: str, body: bytes) -> ToolOutput:
        headers = self._headers(call_id, body)
        async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            if not answer.is_success:
                return failed(f"the tool refused (HTTP {answer.status_code})")
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                return failed("the tool answered in an encoding that was not asked for")
            text = await _text(answer)
        return failed(f"the tool answered more than {MAX_OUTPUT} bytes") if text is None else ToolOutput(_plain(text))

    def _headers(self, call_id: str, body: bytes) -> dict[str, str]:
        """``webhook-id`` is the call's own, so that a server that sees it twice executes it once."""
        name, stamp = _header_id(call_id), str(int(self._wall()))
        headers = {"content-type": "application/json", "webhook-id": name, "webhook-timestamp": stamp}
        if self._key is not None:
            headers["webhook-signature"] = sign(self._key, name, stamp, body)
        return headers


def sign(key: bytes, name: str, stamp: str, body: bytes) -> str:
    """Return the ``webhook-signature`` of a request: ``v1`` and the HMAC-SHA256 of id, timestamp and body."""
    mac = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def _header_id(call_id: str) -> str:
    """Return a call's id as it may stand in a header: providers make them, and may put anything into them."""
    if _SAFE_ID.match(call_id):
        return call_id
    return "call_" + hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()


async def _text(answer: httpx.Response) -> str | None:
    """Return the body, ``None`` when it is too long."""
    body = b""
    async with aclosing(cast(AsyncGenerator[bytes, None], answer.aiter_raw())) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > MAX_OUTPUT:
                return None
    return body.decode("utf-8", "replace")


def _plain(text: str) -> str:
    try:
        read = json.loads(text) if text.lstrip().startswith('"') else None
    except ValueError:
        return text
    return read if isinstance(read, str) else text


@asynccontextmanager
async def open_webhooks(tools: tuple[WebhookTool, ...]) -> AsyncIterator[tuple[WebhookSource, ...]]:
    """Open the connections that all webhooks share; kept alive between calls and closed with the context."""
    timeout = httpx.Timeout(max((tool.webhook.timeout_s for tool in tools), default=CONNECT_S), connect=CONNECT_S)
    headers = {"accept": "application/json, text/plain", "accept-encoding": "identity"}
    async with httpx.AsyncClient(
        timeout=timeout, limits=_CONNECTIONS, headers=headers, follow_redirects=False, trust_env=False
    ) as client:
        yield tuple(WebhookSource(client, tool) for tool in tools)
