"""Azure's dialect: OpenAI's machine with the cap of 30 minutes, in the shape of the endpoint that was chosen."""

from __future__ import annotations

from dataclasses import replace

from bridges import options
from bridges.azure.preview import PreviewShape
from bridges.openai.codec import OpenAICodec, capabilities
from bridges.openai.shape import GaShape
from mediaserver.bridge import Feature

MAX_SESSION_S = 1800.0
_GA_ONLY = frozenset({"speed", "reasoning_effort", "parallel_tool_calls"})


class AzureCodec(OpenAICodec):
    """Satisfies :class:`bridges.codec.Codec`; with ``api_version`` it speaks the preview."""

    def __init__(self, told: options.Azure) -> None:
        offered = capabilities(told, max_session_s=MAX_SESSION_S)
        shape = PreviewShape if told.api_version else GaShape
        if told.api_version:
            can: frozenset[Feature] = offered.can - {"speed"} | {"temperature"}
            offered = replace(offered, can=can, changes=offered.changes - _GA_ONLY | {"temperature"})
        self._begin(offered, shape(told.audio_format, told.transcription_model, offered.voices))
