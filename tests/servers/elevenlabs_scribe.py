"""ElevenLabs Scribe on loopback: the realtime WebSocket with manual commits, and files.

Source: ElevenLabs API reference, "Realtime speech to text" and "Create transcript". What is sent and answered is held
against the types and the calls of the ``elevenlabs`` SDK.
"""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any, get_type_hints

from aiohttp import web

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it names a class that websockets 14 calls legacy
    from elevenlabs import types as sdk
    from elevenlabs.realtime.scribe import RealtimeAudioOptions
    from elevenlabs.speech_to_text.client import SpeechToTextClient

from tests.bridges.sdk import check
from tests.servers.form import posted
from tests.servers.listening import Files, Listener, parameters, samples, words

QUERY = frozenset(get_type_hints(RealtimeAudioOptions)) - {"sample_rate"}
FORM = parameters(SpeechToTextClient.convert)
LEAST = 9600
"""Bytes of 0.3 s."""


class Realtime(Listener):
    """One session."""

    async def begin(self) -> None:
        await super().begin()
        config = {"sample_rate": 16000, "audio_format": "pcm_16000", "commit_strategy": "manual"}
        told = {"message_type": "session_started", "session_id": "sess", "config": config}
        self.tell(sdk.SessionStartedPayload, told)
        self.chunks = 0

    def slow(self, message: dict[str, Any]) -> bool:
        return message["message_type"] != "session_started"

    async def on_text(self, text: str) -> None:
        message = json.loads(text)
        check(sdk.InputAudioChunkPayload, message)
        if "previous_text" in message and self.chunks:
            return self.fail("input_error")
        self.chunks += 1
        await self.listen(base64.b64decode(message["audio_base_64"], validate=True))
        if message["commit"]:
            self._commit()
        return None

    def heard(self, edges: list[str]) -> None:
        if self.every(0.5):
            told = {"message_type": "partial_transcript", "text": self.segment.text}
            self.tell(sdk.PartialTranscriptPayload, told)

    def _commit(self) -> None:
        if self.segment.size < LEAST:
            told = {"message_type": "commit_throttled", "error": "only 0.01s of uncommitted audio"}
            return self.tell(sdk.ScribeThrottledErrorPayload, told)
        self.texts.append(self.segment.text)
        self.segment.clear()
        return self.tell(
            sdk.CommittedTranscriptPayload, {"message_type": "committed_transcript", "text": self.texts[-1]}
        )

    def fail(self, kind: str) -> None:
        """Say an error."""
        self.outbox.put_nowait({"message_type": kind, "error": "what was sent cannot be used"})


class ElevenLabsScribe(Files):
    """The vendor."""

    path, connection = "/v1/speech-to-text/realtime", Realtime

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_post("/v1/speech-to-text", self.file)

    def admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("xi-api-key") != self.key:
            return web.json_response({"detail": {"status": "invalid_api_key", "message": "no"}}, status=401)
        known = QUERY if request.method == "GET" else {"enable_logging"}
        if set(request.query) - known or (request.method == "GET" and "model_id" not in request.query):
            return web.json_response({"detail": [{"loc": ["query"], "msg": "no", "type": "value"}]}, status=422)
        return None

    async def written(self, request: web.Request) -> bytes:
        form = await posted(request)
        asked = {name: [str(each) for each in form.getall(name) if isinstance(each, str)] for name in form}
        assert not set(asked) - FORM, sorted(set(asked) - FORM)
        self.asked.append(asked)
        file = form["file"]
        assert isinstance(file, web.FileField)
        data = file.file.read()
        pcm = data if asked["file_format"] == ["pcm_s16le_16"] else samples(data)
        self.truth.bill("file", f"f{len(self.asked)}", seconds=len(pcm) / 32000)
        timed = asked["timestamps_granularity"] == ["word"]
        answer = _answer(pcm, timed=timed, speakers=asked["diarize"] == ["true"])
        check(sdk.SpeechToTextChunkResponseModel, answer)
        return json.dumps(answer).encode()


def _answer(pcm: bytes, *, timed: bool, speakers: bool) -> dict[str, Any]:
    found = words(pcm)
    who = {"speaker_id": "speaker_0"} if speakers else {}
    told: list[dict[str, Any]] = []
    for word in found if timed else ():
        told += (
            [{"text": " ", "type": "spacing", "start": word.start, "end": word.start, "logprob": 0.0, **who}]
            if told
            else []
        )
        told.append({"text": word.text, "type": "word", "start": word.start, "end": word.end, "logprob": -0.1, **who})
    return {
        "language_code": "eng",
        "language_probability": 0.9,
        "text": " ".join(each.text for each in found),
        "words": told,
        "audio_duration_secs": len(pcm) / 32000,
    }
