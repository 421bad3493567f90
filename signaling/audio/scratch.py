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
        await asyncio.to_thread(folder.cleanup)  # hundreds of megabytes take the system a moment
