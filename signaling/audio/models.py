"""``GET /v1/models`` and ``/v1/models/{id}``: what may be asked for, in OpenAI's shape and with what each can do.

One name may stand for several things: ``local`` is a model to call, one for files and one that speaks. The list
opens no engine; a single model is told in full.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mediaserver.audio.speechfile import FORMATS
from mediaserver.bridge import Capabilities
from mediaserver.errors import Forbidden, NotFound
from mediaserver.gateway.permissions import permit_model
from mediaserver.gateway.principal import Principal
from mediaserver.speech import FileToText, TextToSpeech
from signaling.audio import asked
from signaling.audio.entering import USE, answered, enter
from signaling.audio.studio import Studio
from signaling.door import DOOR, House

OWNER = "mediaserver"


async def list_models(request: web.Request) -> web.StreamResponse:
    """Tell all models that this key may ask for."""
    who, studio = _enter(request)
    house = _house(request)
    names = [name for name in _names(house, studio) if _may(who, _meant(name, house, studio))]
    return web.json_response({"object": "list", "data": [_model(name, house, studio) for name in names]})


async def show_model(request: web.Request) -> web.StreamResponse:
    """Tell one model, with its voices and features. Raises NotFound, Forbidden."""
    who, studio = _enter(request)
    house, name = _house(request), request.match_info["model"]
    if name not in _names(house, studio):
        known = ", ".join(each for each in _names(house, studio) if _may(who, _meant(each, house, studio)))
        raise NotFound(f"there is no model '{name[:100]}'; there are: {known}", code="model_not_found", param="model")
    permit_model(who, _meant(name, house, studio))
    return await answered(request, who, _told(name, house, studio))


def _enter(request: web.Request) -> tuple[Principal, Studio]:
    """Let in whoever may use any of them: the audio API or calls."""
    try:
        return enter(request, USE)
    except Forbidden as refused:
        if refused.code != "missing_scope":
            raise
        return enter(request, "calls:create")


def _house(request: web.Request) -> House:
    house = request.app[DOOR].house
    assert house is not None  # noqa: S101 - entering made sure
    return house


def _names(house: House, studio: Studio) -> list[str]:
    config = studio.config
    return list(dict.fromkeys((*house.ways, *config.transcription, *config.speech, *config.aliases)))


def _meant(name: str, house: House, studio: Studio) -> str:
    config = studio.config
    own = name in house.ways or name in config.models
    return name if own else config.aliases[name]


def _may(who: Principal, model: str) -> bool:
    return who.models is None or model in who.models


def _model(name: str, house: House, studio: Studio) -> dict[str, Any]:
    meant = _meant(name, house, studio)
    alias = {} if meant == name else {"alias_of": meant}
    shape = {"id": name, "object": "model", "created": studio.created, "owned_by": OWNER}
    return shape | alias | {"capabilities": _capabilities(name, meant, house, studio)}


def _capabilities(name: str, meant: str, house: House, studio: Studio) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if name in house.ways:
        found["realtime"] = _of_calls(house.ways[name].capabilities)
    if meant in studio.config.transcription:
        found["transcription"] = {"response_formats": list(asked.FORMATS[asked.TRANSCRIBE])}
    if meant in studio.config.speech:
        found["speech"] = {"response_formats": list(FORMATS), "max_characters": studio.config.max_characters}
    return found


async def _told(name: str, house: House, studio: Studio) -> web.Response:
    model, meant = _model(name, house, studio), _meant(name, house, studio)
    can = model["capabilities"]
    if "transcription" in can:
        can["transcription"] |= _of_files(await studio.engines.files(meant))
    if "speech" in can:
        can["speech"] |= await _of_speech(meant, await studio.engines.voice(meant), studio)
    return web.json_response(model)


def _of_calls(can: Capabilities) -> dict[str, Any]:
    return {
        "turns": can.turns,
        "tools": can.tools,
        "text_output": can.text_output,
        "voices": list(can.voices),
        "input_rate": can.input_rate,
        "output_rate": can.output_rate,
        "max_session_s": can.max_session_s,
    }


def _of_files(engine: FileToText) -> dict[str, Any]:
    limits, features = engine.file_limits, engine.file_features
    forms = [
        form
        for form in asked.FORMATS[asked.TRANSCRIBE]
        if form != "diarized_json" or "speakers" in features
    ]  # fmt: skip
    return {
        "features": sorted(features),
        "response_formats": forms,
        "translates": "translate" in features,
        "max_seconds_per_request": limits.max_seconds,
    }


async def _of_speech(model: str, engine: TextToSpeech, studio: Studio) -> dict[str, Any]:
    voices = await studio.voices.some(model, engine)
    return {"voices": [facts.id for facts in voices], "rate": engine.rate}
