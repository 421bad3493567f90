"""Pipecat (BSD-2) as an echo, to be compared with: its SmallWebRTC transport, and a processor that hands the sound back.

It runs in an environment of its own, on uvloop, and answers the same HTTP contract as ours, so that the same callers call
it: 16 kHz in, 24 kHz out, chunks of 40 ms, all as Pipecat has them. ``--vad`` puts its Silero voice detector in front, with
its defaults. ``--provider`` puts its OpenAI realtime service in the place of the processor, pointed at that port of this
machine; sound then comes in at 24 kHz, as that service sends it. What differs from its defaults: no STUN server is asked.
"""

from __future__ import annotations

import argparse

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

from benchmarks.peers.pipecat_door import RATE_IN, RATE_OUT, serve


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


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--vad", action="store_true")
    parser.add_argument("--provider", type=int, help="the port of a realtime provider")
    args = parser.parse_args()
    serve(args.port, lambda connection: worker(connection, vad=args.vad, provider=args.provider))


if __name__ == "__main__":
    main()
