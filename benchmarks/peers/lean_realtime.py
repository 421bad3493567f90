"""A provider that costs almost nothing: OpenAI's Realtime events for one endless answer made of what it hears.

``python -m benchmarks.peers.lean_realtime PORT``. Each ``append`` comes back at once as ``response.output_audio.delta``. A
frame that begins with :data:`STAMP` gets two times written into it, on the clock that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import struct
import sys
import time
from collections.abc import AsyncIterator

from websockets.asyncio.server import ServerConnection, serve

PLACE = '"response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0'
APPEND = '{"type":"input_audio_buffer.append"'
SESSION = {"type": "realtime", "id": "sess_1", "object": "realtime.session", "model": "lean"}
RESPONSE = {"id": "resp_1", "object": "realtime.response", "status": "in_progress", "output": []}
ITEM = {
    "id": "item_1",
    "object": "realtime.item",
    "type": "message",
    "role": "assistant",
    "status": "in_progress",
    "content": [],
}

MAGIC = b"BENC"
STAMP = struct.Struct("<4sIddd4x")
"""What a measuring caller puts over the first samples: MAGIC, a number, when it was sent, heard here, and told back."""

_COVERED = STAMP.size * 4 // 3
"""Characters of base64; the size is a multiple of 3, so that they stand alone."""

_MARK = base64.b64encode(MAGIC[:3]).decode()
clock = time.perf_counter
START_S = 20.0


def stamped(sound: str, heard: float) -> str:
    """Return a frame in base64 with the times written into it; any other sound as it is."""
    if not sound.startswith(_MARK) or len(sound) < _COVERED:
        return sound
    magic, number, sent, _, _ = STAMP.unpack(base64.b64decode(sound[:_COVERED]))
    return base64.b64encode(STAMP.pack(magic, number, sent, heard, clock())).decode() + sound[_COVERED:]


async def answer(connection: ServerConnection) -> None:
    """Serve one session."""
    begun = False
    await connection.send(json.dumps({"type": "session.created", "event_id": "e1", "session": SESSION}))
    async for text in connection:
        heard = clock()
        if text.startswith(APPEND):
            if not begun:
                begun = True
                await _begin(connection)
            sound = stamped(json.loads(text)["audio"], heard)
            await connection.send(f'{{"type":"response.output_audio.delta","event_id":"e2",{PLACE},"delta":"{sound}"}}')
        elif json.loads(text)["type"] == "session.update":
            await connection.send(json.dumps({"type": "session.updated", "event_id": "e3", "session": SESSION}))


async def _begin(connection: ServerConnection) -> None:
    await connection.send(json.dumps({"type": "response.created", "event_id": "e4", "response": RESPONSE}))
    added = {"event_id": "e5", "response_id": "resp_1", "output_index": 0, "item": ITEM}
    await connection.send(json.dumps({"type": "response.output_item.added", **added}))


@contextlib.asynccontextmanager
async def lean_provider(port: int) -> AsyncIterator[int]:
    """Run the provider in a process of its own until the block ends; give its process id. Raises TimeoutError."""
    command = (sys.executable, "-m", "benchmarks.peers.lean_realtime", str(port))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(START_S):
            if process.stdout is None or not await process.stdout.readline():
                raise RuntimeError("the lean provider did not start")
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def main(port: int) -> None:
    """Serve until the process is ended; says so when callers may come."""
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a peer's health checks are no news
    async with serve(answer, "127.0.0.1", port, compression=None, max_size=1 << 24) as server:
        print("ready", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
