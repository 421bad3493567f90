"""The part of the configuration that gives models tools; ``mediaserver/config.py`` holds the rest."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from mediaserver.errors import ConfigError
from mediaserver.section import Secret, Section

ToolName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]
Url = Annotated[str, Meta(pattern="^https?://", max_length=2048)]
ToolSeconds = Annotated[float, Meta(gt=0, le=600)]

MIN_KEY = 24
"""Standard Webhooks, "Signature scheme": a symmetric secret has between 24 and 64 bytes."""


class Webhook(Section, frozen=True):
    """Where a function is executed: an HTTP POST of its arguments, whose answer is the function's output."""

    url: Url
    """The address, https but for your own machine or network; redirects are not followed."""
    secret: Secret | None = None
    """Signs every request (Standard Webhooks): ``whsec_`` and Base64, best as ``${NAME}``; ``null``: not signed."""
    timeout_s: ToolSeconds = 20.0
    """Time for the whole of it; then the model is told that the tool took too long."""

    def signing_key(self) -> bytes | None:
        """Return the bytes that requests are signed with. Raises ValueError when the secret is no Base64."""
        if self.secret is None:
            return None
        return base64.b64decode(self.secret.reveal().removeprefix("whsec_"), validate=True)

    def __repr__(self) -> str:
        """Show no address: its path or query may hold a key."""
        return f"Webhook(url=***, secret={self.secret!r}, timeout_s={self.timeout_s})"


class WebhookTool(Section, frozen=True):
    """A function that models may call and that a web server executes."""

    name: ToolName
    """The name that the model calls it by."""
    webhook: Webhook
    """Where it is executed."""
    description: Annotated[str, Meta(max_length=4096)] = ""
    """What it does and when to use it, for the model."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """The JSON Schema of its arguments, an object."""


class McpServer(Section, frozen=True):
    """A server of tools that speaks the Model Context Protocol. Give ``url`` or ``command``."""

    url: Url | None = None
    """Streamable HTTP: the server's endpoint."""
    command: Annotated[str, Meta(max_length=1024)] | None = None
    """Or a program that speaks the protocol on its standard input and output; it runs as long as this server."""
    args: tuple[str, ...] = ()
    """The program's arguments."""
    env: dict[str, Secret] = field(default_factory=dict)
    """Environment of the program besides PATH, HOME and the like; nothing else of ours is passed on."""
    headers: dict[str, Secret] = field(default_factory=dict)
    """Headers of each HTTP request, e.g. ``Authorization``."""
    allow: tuple[str, ...] | None = None
    """The tools that models may use; ``null`` for all that the server has when it is first reached."""
    timeout_s: ToolSeconds = 20.0
    """Time for one call, and for connecting."""

    def __repr__(self) -> str:
        """Show neither address nor arguments: both may hold keys."""
        return f"McpServer({'command' if self.command else 'url'}=***, allow={self.allow!r})"


class ToolFiller(Section, frozen=True):
    """What is said while a tool takes its time, so that the line is not dead."""

    after_s: Annotated[float, Meta(gt=0, le=60)] = 1.5
    """So long without an output, and without anybody speaking, is silence."""
    every_s: Annotated[float, Meta(gt=0, le=600)] = 8.0
    """Time between one phrase's end and the next phrase."""
    most: Annotated[int, Meta(ge=0, le=20)] = 2
    """Phrases for one wait; 0: be silent."""
    phrases: tuple[Annotated[str, Meta(min_length=1, max_length=300)], ...] = ()
    """What is said, one after the other; empty: nothing is."""


def check_tools(tools: tuple[WebhookTool, ...], servers: Mapping[str, McpServer]) -> None:
    """Refuse what each value allows but all together do not. Raises ConfigError."""
    if len({tool.name for tool in tools}) != len(tools):
        raise ConfigError("tools", "two tools have the same name")
    for index, tool in enumerate(tools):
        _check_secret(f"tools[{index}].webhook.secret", tool.webhook)
    for label, server in servers.items():
        where = f"mcp_servers.{label}"
        if (server.url is None) == (server.command is None):
            raise ConfigError(where, "needs either url or command")
        if server.url is None and server.headers:
            raise ConfigError(f"{where}.headers", "belong to a url")
        if server.command is None and (server.args or server.env):
            raise ConfigError(where, "args and env belong to a command")
        if any(tool.name == label for tool in tools):
            raise ConfigError(where, "is also the name of one of tools: models could not choose between them")


def _check_secret(path: str, webhook: Webhook) -> None:
    try:
        key = webhook.signing_key()
    except (binascii.Error, ValueError):
        key = b""
    if key is not None and len(key) < MIN_KEY:
        problem = f"must be whsec_ and at least {MIN_KEY} bytes in Base64, e.g. from: openssl rand -base64 32"
        raise ConfigError(path, problem)


def check_offered(
    path: str, offered: tuple[str, ...] | None, tools: tuple[WebhookTool, ...], servers: Mapping[str, McpServer]
) -> None:
    """Refuse a model that offers what is not there. Raises ConfigError."""
    known = {tool.name for tool in tools} | set(servers)
    if not set(offered or ()) <= known:
        raise ConfigError(path, "names what is neither one of tools nor of mcp_servers")
