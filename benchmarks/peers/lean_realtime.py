"""A provider that costs almost nothing: OpenAI's Realtime events for one endless answer made of what it hears.

``python -m benchmarks.peers.lean_realtime PORT``. Each ``append`` comes back at once as ``response.output_audio.delta``.
"""

from __future__ import annotations

import asyncio
import json
import sys

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


async def answer(connection: ServerConnection) -> None:
    """Serve one session."""
    begun = False
    await connection.send(json.dumps({"type": "session.created", "event_id": "e1", "session": SESSION}))
    async for text in connection:
        if text.startswith(APPEND):
            if not begun:
                begun = True
                await _begin(connection)
            sound = json.loads(text)["audio"]
            await connection.send(f'{{"type":"response.output_audio.delta","event_id":"e2",{PLACE},"delta":"{sound}"}}')
        elif json.loads(text)["type"] == "session.update":
            await connection.send(json.dumps({"type": "session.updated", "event_id": "e3", "session": SESSION}))


async def _begin(connection: ServerConnection) -> None:
    await connection.send(json.dumps({"type": "response.created", "event_id": "e4", "response": RESPONSE}))
    added = {"event_id": "e5", "response_id": "resp_1", "output_index": 0, "item": ITEM}
    await connection.send(json.dumps({"type": "response.output_item.added", **added}))


async def main(port: int) -> None:
    """Serve until the process is ended."""
    async with serve(answer, "127.0.0.1", port, compression=None, max_size=1 << 24) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
