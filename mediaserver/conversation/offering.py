"""Which tools of MCP servers a client gets when it asks for a server in ``session.tools``. Pure.

A client names a server, it does not bring one: only those in the configuration are ever connected to, with the credentials
of the configuration. Source: OpenAI Realtime reference, "MCP tool".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mediaserver.errors import BadRequest
from mediaserver.settings import Tool
from mediaserver.toolbox import ToolServer

_UNDERSTOOD = frozenset(
    {"type", "server_label", "server_url", "server_description", "allowed_tools", "require_approval"}
)


def allowed_mcp(asked: Mapping[str, Any], servers: Sequence[ToolServer], where: str = "tools") -> tuple[Tool, ...]:
    """Return the tools that ``{"type": "mcp", …}`` stands for.

    ``servers`` are those that the model behind the call offers. Found by an equal ``server_url``, else by ``server_label``.
    Raises BadRequest: for a server that is not there (``mcp_server_not_allowed``), for what is not understood, and for
    approvals, which nobody could give (``unsupported_by_provider``); its ``param`` begins with ``where``.
    """
    strange = next((key for key in asked if key not in _UNDERSTOOD and asked[key] is not None), None)
    if strange is not None:
        message = "is not taken from clients: the server's own configuration says how an MCP server is reached"
        raise BadRequest(message, code="unsupported_by_provider", param=f"{where}.{str(strange)[:64]}")
    if asked.get("require_approval") not in (None, "never"):
        message = "there are no approvals of MCP calls here: say 'never'"
        raise BadRequest(message, code="unsupported_by_provider", param=f"{where}.require_approval")
    server = _find(asked, servers, where)
    return _some(server, asked.get("allowed_tools"), f"{where}.allowed_tools")


def _find(asked: Mapping[str, Any], servers: Sequence[ToolServer], where: str) -> ToolServer:
    label, url = asked.get("server_label"), asked.get("server_url")
    if not isinstance(label, str) or not label:
        raise BadRequest("is missing", code="missing_required_parameter", param=f"{where}.server_label")
    if url is not None and not isinstance(url, str):
        raise BadRequest("must be text", code="invalid_type", param=f"{where}.server_url")
    for server in servers:
        if _same(url, server.url) if url else server.label == label:
            return server
    message = "only MCP servers of this server's configuration can be used"
    raise BadRequest(message, code="mcp_server_not_allowed", param=f"{where}.{'server_url' if url else 'server_label'}")


def _same(url: str, configured: str) -> bool:
    return bool(configured) and url.rstrip("/") == configured.rstrip("/")


def _some(server: ToolServer, chosen: Any, where: str) -> tuple[Tool, ...]:
    """Apply ``allowed_tools``: a list of names, or ``{tool_names, read_only}``."""
    chosen = {"tool_names": chosen} if isinstance(chosen, list | tuple) else chosen
    if chosen is None:
        return server.tools
    if not isinstance(chosen, Mapping) or not set(chosen) <= {"tool_names", "read_only"}:
        raise BadRequest("must be a list of names or a filter", code="invalid_type", param=where)
    names = chosen.get("tool_names")
    if names is not None and not isinstance(names, list | tuple):
        raise BadRequest("must be a list of names", code="invalid_type", param=f"{where}.tool_names")
    return tuple(
        tool
        for tool in server.tools
        if (names is None or tool.name in names) and (not chosen.get("read_only") or tool.name in server.reads)
    )
