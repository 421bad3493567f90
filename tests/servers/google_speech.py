"""Google Cloud Speech-to-Text v2 on loopback: every request is read as the official client's ``RecognizeRequest``."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from google.cloud.speech_v2.types import cloud_speech

from tests.servers.rest import RestServer, dumped, running

_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class GoogleSpeechServer(RestServer):
    """Says one result for each of ``says``; with speakers the last result tells the words of all again."""

    paths = ("/v2/{recognizer:projects/[^/]+/locations/[^/]+/recognizers/[^/]+}:recognize",)

    def __init__(self) -> None:
        super().__init__()
        self.says = ("Hello", "there.")
        self.counts = True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        read = cloud_speech.RecognizeRequest.from_json(await request.read(), ignore_unknown_fields=False)
        assert read.content and not read.uri and list(read.config.language_codes)
        with wave.open(io.BytesIO(read.content)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
        assert seconds <= 60 and "auto_decoding_config" in read.config
        self.requests.append(read)
        self.billed_s += seconds
        return await self.answer(request, dumped(self._answer(read.config, seconds)), "application/json")

    def refusal(self, status: int) -> Any:
        return {"error": {"code": status, "message": "no", "status": _CODES[status], "details": []}}

    def _answer(self, config: cloud_speech.RecognitionConfig, seconds: float) -> dict[str, Any]:
        speakers = "diarization_config" in config.features
        results = []
        for number in range(len(self.says)):
            first = 0 if speakers else number
            words = [self._word(at, config.features, speakers) for at in range(first, number + 1)]
            timed = config.features.enable_word_time_offsets
            best = {"transcript": self.says[number], "confidence": 0.9} | ({"words": words} if timed else {})
            results.append({"alternatives": [best], "resultEndOffset": f"{number + 0.5:.3f}s", "languageCode": "en-us"})
        billed = {"totalBilledDuration": f"{-(-seconds // 1):.0f}s"} if self.counts else {}
        body = {"results": results, "metadata": {"requestId": "r", **billed}}
        cloud_speech.RecognizeResponse.from_json(json.dumps(body), ignore_unknown_fields=False)
        return body

    def _word(self, at: int, features: Any, speakers: bool) -> dict[str, Any]:
        word: dict[str, Any] = {"word": self.says[at], "endOffset": f"{at + 0.4:.3f}s"}
        if at:  # an offset of nothing is left out
            word["startOffset"] = f"{at}s"
        if features.enable_word_confidence:
            word["confidence"] = 0.8
        return word | ({"speakerLabel": str(at % 2 + 1)} if speakers else {})


@asynccontextmanager
async def google_speech() -> AsyncIterator[GoogleSpeechServer]:
    """Run the server on a free port of 127.0.0.1."""
    async with running(GoogleSpeechServer()) as server:
        yield server
