"""The beta shape of the contract on its way in: what old clients write, said as the GA contract says it. Pure.

Events that we send are always GA; only the answer of the beta's own endpoints is in its shape, see :func:`flat`. Names that
both contracts have are left alone, so that a client in between is understood too; what is in neither is refused later, as
for everybody. Source: OpenAI Realtime migration notes, "Beta to GA"; ``openai.types.beta.realtime``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]

_FORMATS: dict[str, Object] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FLAT_FORMATS = {ours["type"]: theirs for theirs, ours in _FORMATS.items()}
_PARTS = {"text": "output_text", "audio": "output_audio"}
_INPUT = {
    "input_audio_format": "format",
    "input_audio_transcription": "transcription",
    "input_audio_noise_reduction": "noise_reduction",
    "turn_detection": "turn_detection",
}
_OUTPUT = {"output_audio_format": "format", "voice": "voice", "speed": "speed"}


def translate(event: Object) -> Object:
    """Return the client event in the GA shape; anything that is no object of the beta shape comes back as it is."""
    row = _EVENTS.get(event.get("type", "")) if isinstance(event.get("type"), str) else None
    return event if row is None else row(event)


def translate_session(session: Object, kind: str = "realtime") -> Object:
    """Return a session, or the parameters of a response, in the GA shape."""
    said = {name: value for name, value in session.items() if name not in ("client_secret", "id", "object")}
    said.setdefault("type", kind)
    _rename(said, "modalities", "output_modalities", _one_modality)
    _rename(said, "max_response_output_tokens", "max_output_tokens", lambda value: value)
    heard = _taken(said, _INPUT)
    spoken = _taken(said, _OUTPUT)
    if heard or spoken:
        audio = said.get("audio")
        known = audio if isinstance(audio, dict) else {}
        said["audio"] = _joined(_joined(known, "input", heard), "output", spoken)
    if kind == "transcription":
        said.pop("output_modalities", None)
    return said


def flat(session: Object, temperature: float | None) -> Object:
    """Return a session of ours as the beta endpoints showed it: everything at the top level."""
    heard, spoken = session["audio"]["input"], session["audio"].get("output")
    written: Object = {
        "id": session["id"],
        "object": session["object"],
        "expires_at": session["expires_at"],
        "input_audio_format": _FLAT_FORMATS[heard["format"]["type"]],
        "input_audio_transcription": heard["transcription"],
        "input_audio_noise_reduction": heard["noise_reduction"],
        "turn_detection": heard["turn_detection"],
    }
    if spoken is None:
        return written | {"modalities": ["text"]}
    return written | {
        "model": session["model"],
        "modalities": ["text"] if session["output_modalities"] == ["text"] else ["audio", "text"],
        "instructions": session["instructions"],
        "voice": spoken["voice"],
        "speed": spoken["speed"],
        "output_audio_format": _FLAT_FORMATS[spoken["format"]["type"]],
        "tools": session["tools"],
        "tool_choice": session["tool_choice"],
        "temperature": temperature,
        "max_response_output_tokens": session["max_output_tokens"],
        "tracing": session["tracing"],
    }


def _session_update(event: Object) -> Object:
    session = event.get("session")
    return event | {"session": translate_session(session)} if isinstance(session, dict) else event


def _transcription_update(event: Object) -> Object:
    session = event.get("session")
    said = translate_session(session, "transcription") if isinstance(session, dict) else session
    return event | {"type": "session.update", "session": said}


def _response_create(event: Object) -> Object:
    response = event.get("response")
    if not isinstance(response, dict):
        return event
    said = translate_session(response)
    del said["type"]
    if isinstance(said.get("input"), list):
        said["input"] = [_item(item) for item in said["input"]]
    return event | {"response": said}


def _item_create(event: Object) -> Object:
    return event | {"item": _item(event.get("item"))}


def _item(item: Any) -> Any:
    """An assistant's parts had plain names."""
    if not isinstance(item, dict) or item.get("role") != "assistant" or not isinstance(item.get("content"), list):
        return item
    return item | {"content": [_part(part) for part in item["content"]]}


def _part(part: Any) -> Any:
    known = isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"] in _PARTS
    return part | {"type": _PARTS[part["type"]]} if known else part


def _one_modality(asked: Any) -> Any:
    """Beta sessions named both; sound always carries its transcript."""
    return ["audio"] if isinstance(asked, list) and "audio" in asked else asked


def _rename(said: Object, old: str, new: str, how: Callable[[Any], Any]) -> None:
    if old in said:
        said.setdefault(new, how(said[old]))
        del said[old]


def _taken(said: Object, names: dict[str, str]) -> Object:
    taken = {new: said.pop(old) for old, new in names.items() if old in said}
    if isinstance(taken.get("format"), str):
        taken["format"] = _FORMATS.get(taken["format"], taken["format"])
    return taken


def _joined(audio: Object, side: str, said: Object) -> Object:
    if not said:
        return audio
    known = audio.get(side) if isinstance(audio.get(side), dict) else {}
    return audio | {side: said | (known or {})}


_EVENTS: dict[str, Callable[[Object], Object]] = {
    "session.update": _session_update,
    "transcription_session.update": _transcription_update,
    "response.create": _response_create,
    "conversation.item.create": _item_create,
}
