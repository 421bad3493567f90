"""An MCP server with one tool: a program that the voice server starts, or, with a port, a server over HTTP.

usage: python tools_mcp.py [port]
"""

import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("weather")


@server.tool(description="Says what the weather is in a city.")
def get_weather(city: str) -> dict:
    return {"city": city, "sky": "sunny", "degrees": 21}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
