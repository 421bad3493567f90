"""Azure OpenAI's realtime API on loopback: the GA address, and the preview's with its older names and flat sessions."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bridges.azure.preview import NAMES
from tests.servers.openai_realtime import OpenAIConnection, OpenAIRealtime, Refused

DEPLOYMENT = "rt-prod"
OLD_NAMES = {new: old for old, new in NAMES.items()} | {"conversation.item.added": "conversation.item.created"}
FORMATS = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
SESSION = {
    "input_audio_format": ("input", "format"),
    "input_audio_noise_reduction": ("input", "noise_reduction"),
    "input_audio_transcription": ("input", "transcription"),
    "turn_detection": ("input", "turn_detection"),
    "output_audio_format": ("output", "format"),
    "voice": ("output", "voice"),
}
"""Where GA keeps what the preview has at the top of a session."""
PLAIN = {
    "instructions": "instructions",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "modalities": "output_modalities",
    "max_response_output_tokens": "max_output_tokens",
}
ONLY_RESPONSE = {"metadata": "metadata", "conversation": "conversation", "input": "input"}


class AzureConnection(OpenAIConnection):
    """A session of either form; inside it is GA's."""

    @property
    def preview(self) -> bool:
        """Whether the older form is spoken."""
        return "deployment" in self.request.query

    async def begin(self) -> None:
        await self.event("session.created", session=self.session)

    def validated(self, message: Any) -> dict[str, Any]:
        if self.preview and isinstance(message, dict):
            message = self._to_ga(message)
        return super().validated(message)

    def shown(self, event: dict[str, Any]) -> dict[str, Any]:
        event = super().shown(event)
        if not self.preview:
            return event
        kind = OLD_NAMES.get(event["type"], event["type"])
        if "session" in event:
            event = {**event, "session": _flat(event["session"])}
        return {**_aged(event), "type": kind}

    async def event(self, kind: str, **fields: Any) -> None:
        if not (self.preview and kind == "conversation.item.done"):  # the preview has one event for an item
            await super().event(kind, **fields)

    def _to_ga(self, message: dict[str, Any]) -> dict[str, Any]:
        told = dict(message)
        if isinstance(told.get("session"), dict):
            told["session"] = {"type": "realtime", **_renewed(told["session"], "session", {})}
        if isinstance(told.get("response"), dict):
            told["response"] = _renewed(told["response"], "response", ONLY_RESPONSE)
        if isinstance(told.get("item"), dict) and told["item"].get("role") == "assistant":
            told["item"] = {**told["item"], "content": [_part(each) for each in told["item"]["content"]]}
        return told


class AzureRealtime(OpenAIRealtime):
    """The server; ``http`` is the resource."""

    path, connection = "/openai/v1/realtime", AzureConnection

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_get("/openai/realtime", self.door)

    def admit(self, request: web.Request) -> web.Response | None:
        keys = (request.headers.get("api-key"), request.headers.get("Authorization", "").removeprefix("Bearer "))
        preview = request.path == "/openai/realtime"
        if self.key not in keys or ("api-version" in request.query) is not preview:
            return web.json_response({"error": {"code": "401", "message": "Access denied."}}, status=401)
        if request.query.get("deployment" if preview else "model") != DEPLOYMENT:
            return web.json_response({"error": {"code": "DeploymentNotFound"}}, status=404)
        return None


def _renewed(old: dict[str, Any], path: str, more: dict[str, str]) -> dict[str, Any]:
    """Return GA's form of a preview session or response. Raises Refused for a name that only GA has."""
    new: dict[str, Any] = {}
    for name, value in old.items():
        if name in SESSION and (path == "session" or name == "voice"):
            side, place = SESSION[name]
            known = FORMATS[value] if name.endswith("_format") else value
            new.setdefault("audio", {}).setdefault(side, {})[place] = known
        elif name == "modalities":
            new["output_modalities"] = ["audio"] if "audio" in value else ["text"]
        elif name in PLAIN or name in more:
            new[{**PLAIN, **more}[name]] = value
        elif name != "temperature":
            raise Refused(f"Unknown parameter: '{path}.{name}'.", "unknown_parameter", f"{path}.{name}")
    return new


def _flat(session: dict[str, Any]) -> dict[str, Any]:
    """Return GA's session as the preview shows it."""
    flat = {name: value for name, value in session.items() if name not in ("type", "audio", "max_output_tokens")}
    names = {value["type"]: name for name, value in FORMATS.items()}
    for name, (side, place) in SESSION.items():
        value = session["audio"][side][place]
        flat[name] = names[value["type"]] if name.endswith("_format") else value
    return flat | {"max_response_output_tokens": session["max_output_tokens"]}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part.get("type") != "text":
        raise Refused("Invalid value.", "invalid_value", "item.content[0].type")
    return {**part, "type": "output_text"}


def _aged(value: Any) -> Any:
    """Return a GA event's value with the preview's names of contents and modalities."""
    if isinstance(value, list):
        return [_aged(each) for each in value]
    if not isinstance(value, dict):
        return value
    aged = {"modalities" if name == "output_modalities" else name: _aged(each) for name, each in value.items()}
    if aged.get("type") in ("output_text", "output_audio"):
        aged["type"] = aged["type"].removeprefix("output_")
    return aged
