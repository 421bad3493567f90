"""A folder for what a request brings; it is gone when the request is over."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def scratch() -> AsyncIterator[Path]:
    """Have an empty folder until the block is left. Raises OSError."""
    folder = tempfile.TemporaryDirectory(prefix="mediaserver-")
    try:
        yield Path(folder.name)
    finally:
        # Hundreds of megabytes take the system a moment. A request that is stopped again does not stop this.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, folder.cleanup))
