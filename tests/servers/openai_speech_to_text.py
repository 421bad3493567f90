"""A server of the OpenAI transcription shape on loopback: OpenAI's own rules, Groq's, and those of Azure's addresses.

Every form is held against the parameters of the official SDKs (openai, groq) and the rules of their reference; every answer
against the SDK's types.
"""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, get_origin, get_type_hints

from aiohttp import web
from groq.types.audio.transcription_create_params import TranscriptionCreateParams as GroqParams
from openai._types import SequenceNotStr
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionStreamEvent,
    TranscriptionVerbose,
    TranslationVerbose,
)
from openai.types.audio.transcription_create_params import (
    TranscriptionCreateParamsNonStreaming,
    TranscriptionCreateParamsStreaming,
)
from openai.types.audio.translation import Translation
from openai.types.audio.translation_create_params import TranslationCreateParams
from pydantic import BaseModel, TypeAdapter

from tests.servers.form import posted
from tests.servers.rest import RestServer, dumped, running

FORMATS = {
    "whisper": ("json", "text", "srt", "verbose_json", "vtt"),
    "gpt-4o-transcribe-diarize": ("json", "text", "diarized_json"),
}
_EVENT: TypeAdapter[Any] = TypeAdapter(TranscriptionStreamEvent)


@cache
def _adapters(params: Any) -> dict[str, TypeAdapter[Any] | None]:
    """One for each field but the file, whose type is the SDK's own affair."""
    hints = get_type_hints(params)
    return {name: None if name == "file" else TypeAdapter(_plain(hint)) for name, hint in hints.items()}


def _plain(hint: Any) -> Any:
    return list[str] if get_origin(hint) is SequenceNotStr else hint


def fields_of(parts: Any) -> dict[str, Any]:
    """Return the fields of a form as the SDK was given them: ``name[]`` is a list."""
    form: dict[str, Any] = {}
    for name, value in parts.items():
        told = {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
        if name.endswith("[]"):
            form.setdefault(name[:-2], []).append(told)
        else:
            assert name not in form, f"{name} twice"
            form[name] = told
    return form


class SpeechToTextServer(RestServer):
    """Says ``says`` to every file. ``events``: it knows ``stream``; ``vendor``: whose rules it keeps."""

    paths = tuple(
        f"{base}/audio/{what}"
        for base in ("/v1", "/openai/v1", "/openai/deployments/{deployment}")
        for what in ("transcriptions", "translations")
    )

    def __init__(self) -> None:
        super().__init__()
        self.says = ("Hello", " there.")
        self.language: Any = "english"
        self.vendor = "openai"
        self.counts = True
        self.ends = True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = fields_of(await posted(request))
        translates = request.path.endswith("translations")
        self._check(form, translates)
        seconds = self._check_file(form.pop("file"))
        self.requests.append(form)
        self.billed_s += seconds
        if form.get("stream") and form["model"] != "whisper-1":
            return await self.answer(request, self._events(form, seconds), "text/event-stream")
        return await self.answer(request, dumped(self._whole(form, seconds, translates)), "application/json")

    def refusal(self, status: int) -> Any:
        return {"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "why"}}

    # --- what it takes ------------------------------------------------------------------------------------------------

    def _check(self, form: dict[str, Any], translates: bool) -> None:
        streaming = TranscriptionCreateParamsStreaming if form.get("stream") else TranscriptionCreateParamsNonStreaming
        params = TranslationCreateParams if translates else GroqParams if self.vendor == "groq" else streaming
        adapters = _adapters(params)
        assert set(form) <= set(adapters), f"unknown fields: {set(form) - set(adapters)}"
        for name, value in form.items():
            if (adapter := adapters[name]) is not None:
                adapter.validate_python(value)
        self._check_model(form, translates)

    def _check_model(self, form: dict[str, Any], translates: bool) -> None:
        model, wanted = form["model"], form.get("response_format", "json")
        diarizes = model == "gpt-4o-transcribe-diarize"
        kind = "whisper" if model.startswith("whisper") else model
        assert wanted in FORMATS.get(kind, ("json",)), f"{model} has no {wanted}"
        assert not translates or model in ("whisper-1", "whisper-large-v3")
        assert "keywords" not in form or model == "gpt-transcribe"
        assert "timestamp_granularities" not in form or wanted == "verbose_json"
        assert not diarizes or ("prompt" not in form and form.get("chunking_strategy") == "auto")
        assert len(form.get("language", "en")) == 2, "ISO 639-1"

    def _check_file(self, part: Any) -> float:
        assert isinstance(part, web.FileField)
        kind = part.filename.rpartition(".")[2]
        assert kind in ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
        data = part.file.read()
        part.file.close()
        if kind != "wav":
            return 1.0
        with wave.open(io.BytesIO(data)) as sound:
            assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
            return sound.getnframes() / sound.getframerate()

    # --- what it says -------------------------------------------------------------------------------------------------

    def _usage(self, form: dict[str, Any], seconds: float) -> dict[str, Any]:
        if not self.counts or self.vendor == "groq":
            return {}
        if form["model"] in ("whisper-1", "gpt-4o-transcribe-diarize"):
            return {"usage": {"type": "duration", "seconds": -(-seconds // 1)}}
        details = {"text_tokens": 0, "audio_tokens": 14}
        tokens = {"input_tokens": 14, "input_token_details": details, "output_tokens": 45, "total_tokens": 59}
        return {"usage": {"type": "tokens", **tokens}}

    def _languages(self, form: dict[str, Any]) -> dict[str, Any]:
        return {"languages": [{"code": "en"}]} if form["model"] == "gpt-transcribe" else {}

    def _whole(self, form: dict[str, Any], seconds: float, translates: bool) -> dict[str, Any]:
        body, kind = self._body(form, seconds, translates)
        kind.model_validate(body)
        return body | ({"x_groq": {"id": "req_1"}} if self.vendor == "groq" else {})

    def _body(self, form: dict[str, Any], seconds: float, translates: bool) -> tuple[dict[str, Any], type[BaseModel]]:
        text, used = "".join(self.says), self._usage(form, seconds)
        if form.get("response_format") == "diarized_json":
            segments = [self._spoken(number, said) for number, said in enumerate(self.says)]
            told = {"task": "transcribe", "duration": seconds, "text": text, "segments": segments}
            return told | used, TranscriptionDiarized
        if form.get("response_format") != "verbose_json":
            return {"text": text} | ({} if translates else self._languages(form) | used), (
                Translation if translates else Transcription
            )
        times = form.get("timestamp_granularities", ["segment"])
        body = {"task": "transcribe", "language": self.language, "duration": seconds, "text": text}
        body |= (
            {"segments": [self._heard(number, said) for number, said in enumerate(self.says)]}
            if "segment" in times
            else {}
        )
        words = [{"word": said.strip(), "start": n / 2, "end": n / 2 + 0.4} for n, said in enumerate(self.says)]
        body |= {"words": words} if "word" in times else {}
        return body | ({} if translates else used), (TranslationVerbose if translates else TranscriptionVerbose)

    def _heard(self, number: int, text: str) -> dict[str, Any]:
        figures = {"temperature": 0.0, "avg_logprob": -0.3, "compression_ratio": 1.2, "no_speech_prob": 0.01}
        times = {"seek": 0, "start": number / 2, "end": number / 2 + 0.5}
        return {"id": number, "text": text, "tokens": [1], **times, **figures}

    def _spoken(self, number: int, text: str) -> dict[str, Any]:
        times = {"start": number / 2, "end": number / 2 + 0.5}
        told = {"type": "transcript.text.segment", "id": f"seg_{number}", "text": text, "speaker": "AB"[number % 2]}
        return told | times

    def _events(self, form: dict[str, Any], seconds: float) -> bytes:
        events: list[dict[str, Any]] = [{"type": "transcript.text.delta", "delta": said} for said in self.says]
        if form.get("response_format") == "diarized_json":
            events += [self._spoken(number, said) for number, said in enumerate(self.says)]
        if self.ends:
            used = {} if form["model"] == "gpt-4o-transcribe-diarize" else self._usage(form, seconds)
            done = {"type": "transcript.text.done", "text": "".join(self.says)}
            events.append(done | self._languages(form) | used)
        for event in events:
            _EVENT.validate_python(event)
        return b"".join(b"data: " + dumped(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


@asynccontextmanager
async def speech_to_text() -> AsyncIterator[SpeechToTextServer]:
    """Run the server on a free port of 127.0.0.1."""
    async with running(SpeechToTextServer()) as server:
        yield server
