"""Pipecat (BSD-2) as a chain of speech-to-text, language model and voice, to be compared with.

Its SmallWebRTC transport and its OpenAI services (segmented speech-to-text), pointed at the simulated providers of
:mod:`benchmarks.peers.stages`, with its Silero voice detector; on uvloop, behind the same HTTP contract as ours. ``--stop``
is the silence after which the detector says that the voice is over and the speech is sent to be written down, ``--wait``
what its turns wait besides, meanwhile: the turn is over after both. Without them it is as it comes: Smart Turn decides.
"""

from __future__ import annotations

import argparse

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from benchmarks.peers.pipecat_door import RATE_IN, RATE_OUT, serve


def listening(stop: float | None, wait: float) -> LLMUserAggregatorParams:
    """Return how turns are taken."""
    if stop is None:
        return LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    detector = SileroVADAnalyzer(params=VADParams(stop_secs=stop))
    strategies = UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=wait)])
    return LLMUserAggregatorParams(vad_analyzer=detector, user_turn_strategies=strategies)


def worker(connection: SmallWebRTCConnection, url: str, params: LLMUserAggregatorParams) -> PipelineWorker:
    """Return the work of one call."""
    transport = SmallWebRTCTransport(connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True))
    turns = LLMContextAggregatorPair(LLMContext(), user_params=params)
    pipeline = Pipeline(
        [
            transport.input(),
            OpenAISTTService(api_key="k", base_url=url),
            turns.user(),
            OpenAILLMService(api_key="k", base_url=url),
            OpenAITTSService(api_key="k", base_url=url),
            transport.output(),
            turns.assistant(),
        ]
    )
    return PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=RATE_IN, audio_out_sample_rate=RATE_OUT))


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--provider", type=int, required=True, help="the port of the simulated providers")
    parser.add_argument("--stop", type=float, help="seconds of silence until the voice is over")
    parser.add_argument("--wait", type=float, default=0.0, help="seconds more until the turn is")
    args = parser.parse_args()
    url = f"http://127.0.0.1:{args.provider}/v1"
    serve(args.port, lambda connection: worker(connection, url, listening(args.stop, args.wait)))


if __name__ == "__main__":
    main()
