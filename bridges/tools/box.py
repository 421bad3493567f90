"""All configured tools as one: finds who executes a function, reads its arguments, and lets nothing take too long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from bridges.tools.source import MAX_ARGUMENTS, Call, Source, failed
from bridges.tools.webhook import open_webhooks
from mediaserver.errors import ConfigError
from mediaserver.settings import Tool
from mediaserver.toolbox import ToolOutput, ToolServer
from mediaserver.toolconfig import McpServer, WebhookTool

log = logging.getLogger(__name__)


class Box:
    """Satisfies :class:`mediaserver.toolbox.Tools`. Where two sources have a function of one name, the first has it."""

    def __init__(self, sources: Sequence[Source], chosen: frozenset[str] | None = None) -> None:
        self._sources = tuple(sources)
        self._chosen = chosen

    @property
    def declared(self) -> tuple[Tool, ...]:
        """What models are offered."""
        return tuple(tool for tool, _ in self._found().values())

    @property
    def servers(self) -> tuple[ToolServer, ...]:
        """The MCP servers among the sources."""
        return tuple(server for source in self._sources if self._has(source.label) and (server := source.server))

    def owns(self, name: str) -> bool:
        """Say whether one of the sources executes this function."""
        return name in self._found()

    def deadline_s(self, name: str) -> float:
        """Return the seconds for a call; of an unknown function none."""
        found = self._found().get(name)
        return 0.0 if found is None else found[1].timeout_s

    def only(self, names: Sequence[str] | None) -> Box:
        """Return a part of these tools."""
        return self if names is None else Box([one for one in self._sources if self._has(one.label)], frozenset(names))

    async def call(
        self, name: str, arguments: str, call_id: str, deadline_s: float, *, session_id: str = ""
    ) -> ToolOutput:
        """Execute a function once; every failure is an output."""
        found = self._found().get(name)
        if found is None:
            return failed("there is no such tool, or it cannot be reached now")
        read = _read(arguments)
        if read is None:
            return failed("the arguments are no JSON object")
        source = found[1]
        try:
            async with asyncio.timeout(min(deadline_s, source.timeout_s)):
                return await source.call(Call(name, read, call_id, session_id))
        except TimeoutError:
            return failed("the tool did not answer in time")
        except Exception as defect:  # whatever a tool's library raises, the call goes on; its text may hold arguments
            log.warning("the tool %s failed: %s", name, type(defect).__name__)
            return failed("the tool failed")

    def _has(self, label: str) -> bool:
        return self._chosen is None or label in self._chosen

    def _found(self) -> dict[str, tuple[Tool, Source]]:
        found: dict[str, tuple[Tool, Source]] = {}
        for source in self._sources:
            for tool in source.declared if self._has(source.label) else ():
                found.setdefault(tool.name, (tool, source))
        return found


def _read(arguments: str) -> Mapping[str, Any] | None:
    """Return the object; models write nothing at all for a function without parameters."""
    try:
        read = msgspec.json.decode(arguments or "{}") if len(arguments) <= MAX_ARGUMENTS else None
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return read if isinstance(read, dict) else None


@asynccontextmanager
async def open_tools(tools: tuple[WebhookTool, ...], servers: Mapping[str, McpServer]) -> AsyncIterator[Box]:
    """Open every configured source; they are closed with the context.

    A server that cannot be reached is no reason not to start: its tools are there when it is. Raises ConfigError when two
    sources have a tool of the same name, or when MCP servers are configured and the ``mcp`` package is not installed.
    """
    async with AsyncExitStack() as stack:
        sources: list[Source] = [*(await stack.enter_async_context(open_webhooks(tools)))]
        if servers:
            from bridges.tools.mcp import open_mcp

            opened = [await stack.enter_async_context(open_mcp(label, one)) for label, one in servers.items()]
            for server in opened:
                await server.tried()
            sources += opened
        _check(sources)
        yield Box(sources)


def _check(sources: Sequence[Source]) -> None:
    owners: dict[str, str] = {}
    for source in sources:
        for tool in source.declared:
            other = owners.setdefault(tool.name, source.label)
            if other != source.label:
                problem = f"has a tool {tool.name!r} as {other!r} has; leave one out with allow"
                raise ConfigError(f"mcp_servers.{source.label}", problem)
