"""Tools that this server executes by itself, as Protocols: a session calls them without knowing how they are reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mediaserver.settings import Tool


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool answered, for the model to read; ``error``: it tells of a failure (in the same ``text``)."""

    text: str = field(repr=False)
    error: bool = False


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A configured MCP server: its label, its endpoint (empty for a program) and the tools that it may be asked for.

    ``reads`` are the names of those that say of themselves that they change nothing (MCP ``readOnlyHint``).
    """

    label: str
    url: str = field(default="", repr=False)
    tools: tuple[Tool, ...] = ()
    reads: frozenset[str] = frozenset()


class Tools(Protocol):
    """Tools of one or of several sources. Names are unique."""

    @property
    def declared(self) -> tuple[Tool, ...]:
        """What models are offered besides what clients bring; a server that comes back may have changed it."""
        ...

    @property
    def servers(self) -> tuple[ToolServer, ...]:
        """The MCP servers behind some of them."""
        ...

    def owns(self, name: str) -> bool:
        """Say whether this server executes the function of this name."""
        ...

    def deadline_s(self, name: str) -> float:
        """Return the seconds that a call of this function is given."""
        ...

    def only(self, names: Sequence[str] | None) -> Tools:
        """Return these tools, by their names or by the labels of their servers; ``None``: all of them."""
        ...

    async def call(
        self, name: str, arguments: str, call_id: str, deadline_s: float, *, session_id: str = ""
    ) -> ToolOutput:
        """Execute a function once with ``arguments``, a JSON object as text.

        Ends within ``deadline_s`` and its own time limit. Every failure is an output that says so; raises nothing but
        cancellation.
        """
        ...
