"""Deepgram as an engine: live speech by ``/v1/listen`` or Flux, as the model says, and files."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from urllib.parse import urlencode

from bridges.address import address
from bridges.link import Target
from bridges.stt import deepgram_file as files
from bridges.stt.deepgram_flux import FluxCodec
from bridges.stt.deepgram_listen import ListenCodec
from bridges.stt.engine import Files, Provider, StreamingEngine, open_engine
from bridges.stt.iso639 import short
from bridges.stt.line import TurnCodec
from bridges.stt.live import RATE
from bridges.stt.sockets import Kind
from bridges.stt.streaming_options import Deepgram

API = "https://api.deepgram.com"


def kind(chosen: Deepgram, language: str | None) -> Kind:
    """Return the sockets that suit a language."""
    asked, headers = language or chosen.language, {"Authorization": f"Token {chosen.key}"}
    flux = chosen.model.startswith("flux")
    path, told = ("/v2/listen", _flux(chosen, asked)) if flux else ("/v1/listen", _listen(chosen, asked))
    sound = [("model", chosen.model), ("encoding", "linear16"), ("sample_rate", str(RATE))]
    opted = [("mip_opt_out", "true")] if chosen.mip_opt_out else []
    query = urlencode([*sound, *told, *opted, *files.terms(chosen.model, chosen.keyterms)])
    url = address(f"{(chosen.url or API).rstrip('/')}{path}?{query}")
    return Kind(Target(url, headers), lambda: _codec(chosen, flux, short(asked)))


def _codec(chosen: Deepgram, flux: bool, language: str | None) -> TurnCodec:
    if flux:
        return FluxCodec(RATE, language)
    return ListenCodec(RATE, language, ends=chosen.endpointing_ms is not None)


def _listen(chosen: Deepgram, language: str) -> list[tuple[str, str]]:
    return [
        ("channels", "1"),
        ("interim_results", "true"),
        *([("smart_format", "true")] if chosen.smart_format else []),
        *([("language", language)] if language else []),
        *([("endpointing", str(chosen.endpointing_ms))] if chosen.endpointing_ms is not None else []),
    ]


def _flux(chosen: Deepgram, language: str) -> list[tuple[str, str]]:
    """Return Flux's own parameters; only its multilingual model takes hints of languages."""
    eager, end = chosen.eager_eot_threshold, chosen.eot_threshold
    return [
        *([("eager_eot_threshold", str(eager))] if eager is not None else []),
        *([("eot_threshold", str(end))] if end is not None else []),
        *([("language_hint", language)] if language and chosen.model.endswith("multi") else []),
    ]


def open_deepgram(chosen: Deepgram) -> AbstractAsyncContextManager[StreamingEngine]:
    """Open the engine; a prompt changes nothing."""
    provider = Provider(
        API,
        {"Authorization": f"Token {chosen.key}"},
        partial(kind, chosen),
        Files(files.LIMITS, files.FEATURES, partial(files.request, chosen), files.read),
        files.said,
    )
    return open_engine(chosen, provider)
