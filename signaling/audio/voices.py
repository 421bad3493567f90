"""``/v1/audio/voices``: which voices there are; a voice made from recordings, and deleted, where the engine can.

The shapes are those of OpenAI's custom voices (``openai/types/audio/voice.py``), with ``model`` beside them. Making a voice
needs the consent of whose it is: the request says so, and whoever sends it answers for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from mediaserver.audio.files import DecodeLimits, decoded
from mediaserver.errors import BadRequest
from mediaserver.gateway.permissions import permit_model
from mediaserver.gateway.principal import Principal
from mediaserver.speech import SoundFile, VoiceCloning, VoiceFacts
from signaling.audio.entering import MANAGE, answered, enter
from signaling.audio.form import Fields
from signaling.audio.scratch import scratch
from signaling.audio.studio import Studio
from signaling.audio.upload import Bounds, Received, read_form
from signaling.audio.voicebook import cloner

MAX_SAMPLES = 25
MAX_SAMPLE = 10 * 1024 * 1024
MAX_SAMPLE_S = 600.0
SAMPLES = frozenset({"audio_sample", "file", "files"})
_KNOWN = frozenset({"name", "consent", "description", "model", "type"})
_REFUSED = {"prompt": "no engine here makes voices from a description: send recordings in 'audio_sample'"}


async def list_voices(request: web.Request) -> web.StreamResponse:
    """Tell the voices of all models that this key may use, or of ``?model=``."""
    who, studio = enter(request)
    asked = request.query.get("model")
    models = [studio.engines.speech(asked)] if asked else list(studio.config.speech)
    if asked:
        permit_model(who, models[0])
    models = [name for name in models if who.models is None or name in who.models]
    return await answered(request, who, _listed(studio, models))


async def _listed(studio: Studio, models: Sequence[str]) -> web.Response:
    """Of several models one whose provider does not answer must not hide the others."""
    ask = studio.voices.some if len(models) > 1 else studio.voices.voices
    data = []
    for model in models:
        engine = await studio.engines.voice(model)
        data += [_voice(facts, model) for facts in await ask(model, engine)]
    return web.json_response({"object": "list", "data": data, "has_more": False})


def _voice(facts: VoiceFacts, model: str) -> dict[str, Any]:
    return {
        "id": facts.id,
        "object": "audio.voice",
        "name": facts.name or facts.id,
        "model": model,
        "languages": list(facts.languages),
        "gender": facts.gender,
        "description": facts.description,
        "preview": facts.preview,
    }


async def create(request: web.Request) -> web.StreamResponse:
    """Make a voice from recordings of one; 201 and the voice."""
    who, studio = enter(request, MANAGE)
    with studio.transcribing.entered():
        return await answered(request, who, _created(request, who, studio))


async def _created(request: web.Request, who: Principal, studio: Studio) -> web.Response:
    bounds = Bounds(MAX_SAMPLE, studio.config.upload_s, MAX_SAMPLES, file_fields=SAMPLES, refused=_REFUSED)
    async with scratch() as folder:
        form = await read_form(request, folder, bounds)
        name = _name(form.fields, form.files)
        model, engine = await _cloning(studio, who, form.fields.text("model").strip())
        async with asyncio.timeout(studio.config.answer_s):
            samples = [await _sample(file) for file in form.files]
            facts = await engine.clone_voice(name, samples, description=form.fields.text("description"))
    studio.voices.forget(model)
    made = {"created_at": int(time.time()), "type": "audio_sample"}
    return web.json_response(_voice(facts, model) | made, status=201)


def _name(fields: Fields, files: Sequence[Received]) -> str:
    for field in fields.names():
        if field not in _KNOWN:
            raise BadRequest(f"there is no field '{field}' here", code="unknown_parameter", param=field)
    if not files:
        raise _missing("audio_sample", "send recordings of the voice in it")
    if fields.text("consent").strip().lower() in ("", "false", "0", "no"):
        raise _missing("consent", "send 'true', or the id of its record, once the speaker has agreed")
    name = fields.text("name").strip()
    if not name or len(name) > 256:
        raise _missing("name", "give the voice a name of 1 to 256 characters")
    return name


def _missing(param: str, how: str) -> BadRequest:
    return BadRequest(f"'{param}' is missing: {how}", code="missing_required_parameter", param=param)


async def _sample(file: Received) -> SoundFile:
    async with decoded(file.path, limits=DecodeLimits(max_seconds=MAX_SAMPLE_S)) as sound:
        return SoundFile(await asyncio.to_thread(file.path.read_bytes), sound.kind, sound.duration)


async def delete(request: web.Request) -> web.StreamResponse:
    """Forget a voice that was made; ``?model=`` says whose."""
    who, studio = enter(request, MANAGE)
    return await answered(request, who, _deleted(request, who, studio))


async def _deleted(request: web.Request, who: Principal, studio: Studio) -> web.Response:
    voice = request.match_info["voice"]
    model, engine = await _cloning(studio, who, request.query.get("model", ""))
    await engine.delete_voice(voice)
    studio.voices.forget(model)
    return web.json_response({"id": voice, "object": "audio.voice.deleted", "deleted": True})


async def _cloning(studio: Studio, who: Principal, asked: str) -> tuple[str, VoiceCloning]:
    model = studio.engines.speech(asked)
    permit_model(who, model)
    engine = cloner(await studio.engines.voice(model))
    if engine is None:
        raise BadRequest(
            f"the model '{model}' cannot make or delete voices: choose another of {', '.join(studio.config.speech)}",
            code="unsupported_by_model",
            param="model",
        )
    return model, engine
