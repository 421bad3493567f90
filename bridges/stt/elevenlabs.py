"""ElevenLabs Scribe as an engine: live speech over its realtime WebSocket, and files."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from urllib.parse import urlencode

from bridges.address import address
from bridges.elevenlabs.dial import API
from bridges.link import Target
from bridges.stt import scribe_file as files
from bridges.stt.engine import Files, Provider, StreamingEngine, open_engine
from bridges.stt.iso639 import short
from bridges.stt.live import RATE
from bridges.stt.scribe_realtime import ScribeCodec
from bridges.stt.sockets import Kind
from bridges.stt.streaming_options import Scribe

MAX_TERMS, MAX_TERM = 50, 20
"""Key terms of live speech, and characters of one."""


def kind(chosen: Scribe, language: str | None) -> Kind:
    """Return the sockets that suit a language."""
    asked = short(language or chosen.language)
    query = urlencode(
        [
            ("model_id", chosen.model),
            ("audio_format", f"pcm_{RATE}"),
            ("commit_strategy", "manual"),
            *([("language_code", asked)] if asked else []),
            *([("no_verbatim", "true")] if chosen.no_verbatim else []),
            *([] if chosen.enable_logging else [("enable_logging", "false")]),
            *(("keyterms", term) for term in chosen.keyterms[:MAX_TERMS] if len(term) <= MAX_TERM),
        ]
    )
    url = address(f"{(chosen.url or API).rstrip('/')}/v1/speech-to-text/realtime?{query}")
    return Kind(Target(url, {"xi-api-key": chosen.key}), lambda: ScribeCodec(RATE, asked), prompts=True)


def open_scribe(chosen: Scribe) -> AbstractAsyncContextManager[StreamingEngine]:
    """Open the engine; a turn with a prompt has a socket of its own."""
    provider = Provider(
        API,
        {"xi-api-key": chosen.key},
        partial(kind, chosen),
        Files(files.LIMITS, files.FEATURES, partial(files.request, chosen), files.read),
        files.said,
    )
    return open_engine(chosen, provider)
