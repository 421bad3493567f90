"""Tools that this server executes by itself: functions behind webhooks, and MCP servers; :func:`open_tools` joins them."""

from bridges.tools.box import open_tools

__all__ = ["open_tools"]
