"""What one source of tools is to the box that joins them, and the limits on what goes in and comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mediaserver.settings import Tool
from mediaserver.toolbox import ToolOutput, ToolServer

MAX_ARGUMENTS = 64 * 1024
"""Longest arguments in characters."""
MAX_OUTPUT = 64 * 1024
"""Longest output in bytes: a model has to read it while somebody waits on the line."""


@dataclass(frozen=True, slots=True)
class Call:
    """One execution of a function, its arguments read."""

    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    call_id: str
    session_id: str = ""


class Source(Protocol):
    """A webhook, or an MCP server."""

    @property
    def label(self) -> str:
        """The name that a model's ``tools`` may list."""
        ...

    @property
    def declared(self) -> tuple[Tool, ...]:
        """The functions that it executes now."""
        ...

    @property
    def server(self) -> ToolServer | None:
        """The MCP server that it is, if it is one."""
        ...

    @property
    def timeout_s(self) -> float:
        """Seconds for one call."""
        ...

    async def call(self, call: Call) -> ToolOutput:
        """Execute it once. May raise, which is an output that says ``the tool failed``; has no time limit of its own."""
        ...


def failed(sentence: str) -> ToolOutput:
    """Return an output that tells the model what went wrong, as a JSON object."""
    return ToolOutput(json.dumps({"error": sentence}), error=True)
