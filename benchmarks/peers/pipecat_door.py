"""The HTTP contract of ours in front of Pipecat (BSD-2), so that the same callers call it. It is on uvloop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from loguru import logger
from pipecat.pipeline.worker import PipelineWorker
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.workers.runner import WorkerRunner

RATE_IN, RATE_OUT = 16000, 24000


def application(worker: Callable[[SmallWebRTCConnection], PipelineWorker]) -> FastAPI:
    """Return the server; ``worker`` makes the work of one call."""
    calls: dict[str, SmallWebRTCConnection] = {}
    running: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.gather(*(each.disconnect() for each in calls.values()))

    app = FastAPI(lifespan=life)

    @app.get("/readyz")
    async def ready() -> Response:
        return Response()

    @app.post("/v1/realtime/calls")
    async def call(request: Request) -> Response:
        connection = SmallWebRTCConnection(ice_servers=[])
        await connection.initialize(sdp=(await request.body()).decode(), type="offer")
        answer = connection.get_answer()
        calls[answer["pc_id"]] = connection
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker(connection))
        running.add(work := asyncio.create_task(runner.run()))
        work.add_done_callback(running.discard)
        headers = {"Location": f"/v1/realtime/calls/{answer['pc_id']}"}
        return Response(answer["sdp"], 201, headers, "application/sdp")

    @app.post("/v1/realtime/calls/{name}/hangup")
    async def hang_up(name: str) -> Response:
        await calls.pop(name).disconnect()
        return Response()

    return app


def serve(port: int, worker: Callable[[SmallWebRTCConnection], PipelineWorker]) -> None:
    """Serve until stopped."""
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    uvicorn.run(application(worker), host="127.0.0.1", port=port, log_level="warning", loop="uvloop")
