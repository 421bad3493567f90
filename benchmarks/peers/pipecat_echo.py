"""Pipecat (BSD-2) as an echo, to be compared with: its SmallWebRTC transport, and a processor that hands the sound back.

It runs in an environment of its own, on uvloop, and answers the same HTTP contract as ours, so that the same callers call
it: 16 kHz in, 24 kHz out, chunks of 40 ms, all as Pipecat has them. ``--vad`` puts its Silero voice detector in front, with
its defaults. ``--provider`` puts its OpenAI realtime service in the place of the processor, pointed at that port of this
machine; sound then comes in at 24 kHz, as that service sends it. What differs from its defaults: no STUN server is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

RATE_IN, RATE_OUT = 16000, 24000


class Passthrough(FrameProcessor):
    """Hands what is heard back as something to say."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)


def worker(connection: SmallWebRTCConnection, *, vad: bool, provider: int | None) -> PipelineWorker:
    """Return the work of one call."""
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = SmallWebRTCTransport(connection, params)
    middle: list[FrameProcessor] = [VADProcessor(vad_analyzer=SileroVADAnalyzer())] if vad else []
    if provider is None:
        middle.append(Passthrough())
    else:
        url = f"ws://127.0.0.1:{provider}/v1/realtime"
        middle.append(OpenAIRealtimeLLMService(api_key="k", base_url=url))
    pipeline = Pipeline([transport.input(), *middle, transport.output()])
    rate = RATE_IN if provider is None else RATE_OUT
    return PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=rate, audio_out_sample_rate=RATE_OUT))


def application(*, vad: bool, provider: int | None) -> FastAPI:
    """Return the server."""
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
        await runner.add_workers(worker(connection, vad=vad, provider=provider))
        running.add(work := asyncio.create_task(runner.run()))
        work.add_done_callback(running.discard)
        headers = {"Location": f"/v1/realtime/calls/{answer['pc_id']}"}
        return Response(answer["sdp"], 201, headers, "application/sdp")

    @app.post("/v1/realtime/calls/{name}/hangup")
    async def hang_up(name: str) -> Response:
        await calls.pop(name).disconnect()
        return Response()

    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--vad", action="store_true")
    parser.add_argument("--provider", type=int, help="the port of a realtime provider")
    args = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    app = application(vad=args.vad, provider=args.provider)
    uvicorn.run(app, host="127.0.0.1", port=args.port, log_level="warning", loop="uvloop")


if __name__ == "__main__":
    main()
