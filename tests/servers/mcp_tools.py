"""A real MCP server, made with the official SDK: as a program on standard input and output, or over streamable HTTP.

``python tests/servers/mcp_tools.py stdio`` or ``… http [port]`` (prints its port). ``executed.txt`` in the directory
named by MCP_TOOLS_DIR has a line for each execution of ``book_table``.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve()


def make() -> Any:
    from mcp.server.mcpserver import Context, Image, MCPServer
    from mcp.types import ToolAnnotations

    server = MCPServer("tools for tests")

    @server.tool(description="Adds two numbers.", annotations=ToolAnnotations(read_only_hint=True))
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool(name="calendar.find", description="A name that is no name of a function for models.")
    def find(day: str) -> str:
        return f"nothing on {day}"

    @server.tool(description="Books a table; writes down that it did.")
    async def book_table(people: int, seconds: float = 0.0) -> str:
        with (Path(os.environ["MCP_TOOLS_DIR"]) / "executed.txt").open("a") as file:
            file.write(f"{people}\n")
        await asyncio.sleep(seconds)
        return f"a table for {people}"

    @server.tool(description="Fails.")
    def fail() -> str:
        raise RuntimeError("no tables left")

    @server.tool(description="Says too much.")
    def babble(size: int) -> str:
        return "x" * size

    @server.tool(description="Shows a picture.")
    def picture() -> Image:
        return Image(data=b"\x89PNG", format="png")

    @server.tool(description="The header or the environment variable that proves who asks.")
    def whoami(context: Context) -> str:
        headers = context.headers or {}
        return headers.get("x-who") or os.environ.get("WHO", "nobody")

    @server.tool(description="Ends the server at once.")
    def die() -> str:
        os._exit(3)

    return server


def serve_http(port: int) -> None:
    import uvicorn

    server = make()
    with socket.create_server(("127.0.0.1", port)) as listening:
        print(listening.getsockname()[1], flush=True)
        app = server.streamable_http_app(json_response=bool(os.environ.get("MCP_TOOLS_JSON")))
        config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


class Running:
    """A server over HTTP in a process of its own, which can be killed and started again on the same port."""

    def __init__(self, directory: Path, **environ: str) -> None:
        self._environ = {**os.environ, "MCP_TOOLS_DIR": str(directory), **environ}
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), "http", str(self.port), env=self._environ, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            self.port = int(await self._process.stdout.readline())

    async def kill(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.communicate()
            self._process = None


@asynccontextmanager
async def mcp_server(directory: Path, **environ: str) -> AsyncIterator[Running]:
    """Run the server over HTTP while the context is open."""
    server = Running(directory, **environ)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        make().run("stdio")
    else:
        serve_http(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
