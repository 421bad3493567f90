"""The tools of an MCP server, over streamable HTTP or a program's standard input and output, through the official SDK.

Source: Model Context Protocol specification, "Tools"; the ``mcp`` package. One connection for the whole process: it is made
at start-up and made again, with growing pauses, whenever it breaks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridges.tools.source import MAX_OUTPUT, Call, failed
from mediaserver.errors import ConfigError
from mediaserver.settings import Tool
from mediaserver.toolbox import ToolOutput, ToolServer
from mediaserver.toolconfig import McpServer

if TYPE_CHECKING:
    from mcp import Client
    from mcp import Tool as Listed
    from mcp.types import CallToolResult

log = logging.getLogger(__name__)

MAX_TOOLS = 128
"""Tools of one server; the contract takes no more in a session."""
MAX_PAGES = 20
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 30.0
"""A connection that held for so long was a good one: the next pause is the first again."""

_STRANGE = re.compile(r"[^a-zA-Z0-9_-]")


class McpSource:
    """Satisfies :class:`bridges.tools.source.Source`: one server. :meth:`keep` holds the connection."""

    def __init__(self, label: str, chosen: McpServer) -> None:
        self.label = label
        self.timeout_s = chosen.timeout_s
        self.declared: tuple[Tool, ...] = ()
        self._chosen = chosen
        self._names: dict[str, str] = {}  # as models know a tool -> as its server does
        self._reads: frozenset[str] = frozenset()
        self._client: Client | None = None
        self._broken = asyncio.Event()
        self._tried = asyncio.Event()

    @property
    def server(self) -> ToolServer:
        """What a client may ask for by this server's label or address."""
        return ToolServer(self.label, self._chosen.url or "", self.declared, self._reads)

    async def tried(self) -> None:
        """Wait until the server was reached, or was tried and not reached."""
        await self._tried.wait()

    async def keep(self) -> None:
        """Connect, list the tools, stay until the connection breaks, and so on until cancelled."""
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE_S
        while True:
            began = loop.time()
            try:
                await self._serve()
            except Exception as broken:  # whatever the SDK raises; its text may hold the address
                log.warning("the MCP server %s is not there: %s", self.label, _kind(broken))
            finally:
                self._client = None
                self._tried.set()
            pause = FIRST_PAUSE_S if loop.time() - began > STEADY_S else min(2 * pause, LONGEST_PAUSE_S)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _serve(self) -> None:
        from mcp import Client

        self._broken.clear()
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self.timeout_s):
                transport = _TRANSPORTS[self._chosen.url is None](self._chosen, self._broken)
                client = await stack.enter_async_context(Client(transport, read_timeout_seconds=self.timeout_s))
                self._learn(await _listed(client))
            self._client = client
            self._tried.set()
            log.info("the MCP server %s offers tools", self.label, extra={"count": len(self.declared)})
            await self._broken.wait()
            self._client = None

    def _learn(self, listed: list[Listed]) -> None:
        allow = self._chosen.allow
        names: dict[str, str] = {}
        tools = []
        for tool in listed:
            name = _STRANGE.sub("_", tool.name)[:64]  # what providers take as the name of a function
            if name in names or (allow is not None and tool.name not in allow):
                continue
            names[name] = tool.name
            tools.append(Tool(name, tool.description or tool.title or "", tool.input_schema))
        self._names, self.declared = names, tuple(tools)
        safe = {tool.name for tool in listed if tool.annotations is not None and tool.annotations.read_only_hint}
        self._reads = frozenset(name for name, theirs in names.items() if theirs in safe)

    async def call(self, call: Call) -> ToolOutput:
        """Have the server execute it, once; while the connection is broken the output says so."""
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        if self._client is None:
            return failed("the tool cannot be reached now")
        try:
            result = await self._client.call_tool(self._names[call.name], dict(call.arguments))
        except MCPError as refused:
            if refused.code == CONNECTION_CLOSED or refused.message == "Session terminated":
                self._broken.set()
                return failed("the connection to the tool broke")
            return failed(f"the tool refused: {refused.message[:500]}")
        return _output(result)


async def _listed(client: Client) -> list[Listed]:
    tools: list[Listed] = []
    cursor = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor, cache_mode="bypass")
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None or len(tools) >= MAX_TOOLS:
            break
    return tools[:MAX_TOOLS]


def _output(result: CallToolResult) -> ToolOutput:
    """Return what a model can read of a result: its texts; what is no text is named."""
    text = "\n".join(_text(block) for block in result.content)
    if not text and result.structured_content is not None:
        import msgspec

        text = msgspec.json.encode(result.structured_content).decode()
    if len(text.encode("utf-8", "replace")) > MAX_OUTPUT:
        return failed(f"the tool answered more than {MAX_OUTPUT} bytes")
    return ToolOutput(text, error=bool(result.is_error))


def _text(block: Any) -> str:
    inner = getattr(block, "resource", block)
    text = getattr(inner, "text", None)
    return text if isinstance(text, str) else f"[{block.type}]"


def _kind(broken: BaseException) -> str:
    """Name the innermost of what went wrong: the SDK's task groups wrap it."""
    while isinstance(broken, BaseExceptionGroup):
        broken = broken.exceptions[0]
    return type(broken).__name__


@asynccontextmanager
async def _http(chosen: McpServer, broken: asyncio.Event) -> AsyncIterator[Any]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    from bridges.tools.mcp_limits import Limited

    headers = {name: value.reveal() for name, value in chosen.headers.items()} | {"accept-encoding": "identity"}
    timeout = httpx2.Timeout(chosen.timeout_s, read=300.0)  # a server may keep a stream of events open
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False, transport=Limited()) as client,
        streamable_http_client(chosen.url or "", http_client=client) as streams,
    ):
        yield streams


@asynccontextmanager
async def _program(chosen: McpServer, broken: asyncio.Event) -> AsyncIterator[Any]:
    from mcp import StdioServerParameters
    from mcp.client.stdio import stdio_client

    from bridges.tools.mcp_limits import Watched

    environment = {name: value.reveal() for name, value in chosen.env.items()}
    program = StdioServerParameters(command=chosen.command or "", args=list(chosen.args), env=environment)
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230 - what it says of itself may hold what callers said
        async with stdio_client(program, errlog=nowhere) as (read, write):
            yield Watched(read, broken.set), write


_TRANSPORTS = {False: _http, True: _program}


def open_mcp(label: str, chosen: McpServer) -> AbstractAsyncContextManager[McpSource]:
    """Return the context in which the server's connection is held. Raises ConfigError when the SDK is not installed."""
    try:
        from mcp import Client  # noqa: F401 - only whether it is there: 1.x has none
    except ImportError:
        remedy = "needs the mcp package: pip install 'mediaserver[mcp]'"
        raise ConfigError(f"mcp_servers.{label}", remedy) from None
    return _kept(McpSource(label, chosen))


@asynccontextmanager
async def _kept(source: McpSource) -> AsyncIterator[McpSource]:
    tasks = asyncio.TaskGroup()
    await tasks.__aenter__()
    keeping = tasks.create_task(source.keep(), name=f"mcp {source.label}")
    try:
        yield source
    finally:  # what went wrong elsewhere goes on as it is, not wrapped by this group
        keeping.cancel()
        await tasks.__aexit__(None, None, None)
