"""An MCP server as most that are deployed: protocol 2025-06-18 over streamable HTTP, with sessions, and no SDK of ours.

Source: Model Context Protocol specification 2025-06-18, "Transports" and "Lifecycle".
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
PAGES = {None: ("add", "2"), "2": ("multiply", None)}
"""Tools come in pages: cursor -> a tool's name and the next cursor."""


@dataclass
class Legacy:
    """Where it is; ``sessions`` may be cleared as if it had been restarted."""

    url: str = ""
    sessions: set[str] = field(default_factory=set)
    calls: int = 0

    async def take(self, request: web.Request) -> web.Response:
        asked = await request.json()
        method, session = asked.get("method"), request.headers.get("Mcp-Session-Id")
        if method == "initialize":
            session = secrets.token_hex(8)
            self.sessions.add(session)
            capabilities = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
            result = {**capabilities, "serverInfo": {"name": "legacy", "version": "1"}}
            return web.json_response(_reply(asked, result=result), headers={"Mcp-Session-Id": session})
        if session is None:
            return web.json_response(_reply(asked, error={"code": -32600, "message": "no session"}), status=400)
        if session not in self.sessions:
            return web.Response(status=404)
        if "id" not in asked:
            return web.Response(status=202)
        return web.json_response(_reply(asked, **self._done(method, asked.get("params") or {})))

    def _done(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "tools/list":
            name, cursor = PAGES[params.get("cursor")]
            page: dict[str, Any] = {"tools": [{"name": name, "inputSchema": SCHEMA}]}
            return {"result": page if cursor is None else {**page, "nextCursor": cursor}}
        if method == "tools/call":
            self.calls += 1
            total = params["arguments"]["a"] + params["arguments"]["b"]
            return {"result": {"content": [{"type": "text", "text": str(total)}]}}
        return {"error": {"code": -32601, "message": "no such method"}}


def _reply(asked: dict[str, Any], **told: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": asked.get("id"), **told}


async def _none(request: web.Request) -> web.Response:
    return web.Response(status=405)


@asynccontextmanager
async def legacy_server() -> AsyncIterator[Legacy]:
    """Run it on a free port while the context is open."""
    server = Legacy()
    app = web.Application()
    app.add_routes([web.post("/mcp", server.take), web.get("/mcp", _none), web.delete("/mcp", _none)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
        yield server
    finally:
        await runner.cleanup()
