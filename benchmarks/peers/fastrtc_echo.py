"""FastRTC (MIT) as an echo, to be compared with: an async handler, mono, 24 kHz out, no voice detection.

It runs in an environment of its own and answers the same HTTP contract as ours, so that the same callers call it. What
differs from FastRTC's defaults: the handler hears 24 kHz instead of 48, as a voice model does; the limit of one connection
is raised; no STUN server is asked; and the handler does not wait for a data channel, which the callers do not open.
"""

from __future__ import annotations

import argparse
import asyncio
import uuid

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from fastrtc import AsyncStreamHandler, Stream
from numpy.typing import NDArray

RATE = 24000
MOST_CALLS = 1000

Sound = tuple[int, NDArray[np.int16]]


class Echo(AsyncStreamHandler):
    """Says what it hears."""

    def __init__(self) -> None:
        super().__init__(expected_layout="mono", input_sample_rate=RATE, output_sample_rate=RATE)
        self._heard: asyncio.Queue[Sound] = asyncio.Queue()

    def copy(self) -> Echo:
        """Return the handler of another call."""
        return Echo()

    async def start_up(self) -> None:
        """Nothing to prepare."""

    async def receive(self, frame: Sound) -> None:
        """Take what was said."""
        self._heard.put_nowait(frame)

    async def emit(self) -> Sound:
        """Return the next frame when it comes."""
        return await self._heard.get()


def application() -> FastAPI:
    """Return the server."""
    app = FastAPI()
    stream = Stream(
        Echo(), modality="audio", mode="send-receive", concurrency_limit=MOST_CALLS,
        server_rtc_configuration={"iceServers": []},
    )  # fmt: skip

    @app.get("/readyz")
    async def ready() -> Response:
        return Response()

    @app.post("/v1/realtime/calls")
    async def call(request: Request) -> Response:
        name = uuid.uuid4().hex
        offer = {"sdp": (await request.body()).decode(), "type": "offer", "webrtc_id": name}
        answer = await stream.handle_offer(offer, set_outputs=stream.set_additional_outputs(name))
        stream.handlers[name].channel_set.set()
        headers = {"Location": f"/v1/realtime/calls/{name}"}
        return Response(answer["sdp"], 201, headers, "application/sdp")

    @app.post("/v1/realtime/calls/{name}/hangup")
    async def hang_up(name: str) -> Response:
        await stream.pcs[name].close()
        return Response()

    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    uvicorn.run(application(), host="127.0.0.1", port=args.port, log_level="warning", loop="asyncio")


if __name__ == "__main__":
    main()
