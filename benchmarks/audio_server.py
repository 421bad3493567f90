"""The server of the audio API as benchmarks start it: in a process of its own, with providers simulated in this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp

from benchmarks.load.watched import KEY, Watched
from benchmarks.servers import OURS, running


@asynccontextmanager
async def serving(audio: Mapping[str, object]) -> AsyncIterator[Watched]:
    """Run it with this section; nobody is kept to a core, since decoders are to have one of their own."""
    with running(replace(OURS, workers=1), {"audio": audio}) as (url, pid):
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, headers=KEY) as http:
            yield Watched(url, pid, http)
