"""xAI's Grok Voice on loopback: OpenAI's protocol without what xAI does not have, and with what only xAI has."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from aiohttp import web

from mediaserver.clock import new_id
from tests.servers.openai_realtime import Kept, Made, OpenAIConnection, OpenAIRealtime, Refused, refuse_extra
from tests.servers.openai_realtime import client_types as openai_types

TOP = {"voice": ("output", "voice"), "turn_detection": ("input", "turn_detection")}
SAME = frozenset({"instructions", "tools", "reasoning"})
AUDIO = {"input": {"format", "transcription", "transport"}, "output": {"format", "speed", "transport"}}
TRANSCRIPTION = {"model", "language_hint", "keyterms"}
TURNS = {"type", "threshold", "silence_duration_ms", "prefix_padding_ms", "idle_timeout_ms", "create_response"}
UNSAID = frozenset({"rate_limits.updated", "conversation.item.done"})
LEFT_OUT = ("output_index", "content_index", "audio_start_ms", "audio_end_ms")
RATES = frozenset({8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000})


class XaiConnection(OpenAIConnection):
    """A session; billed by connected time, or by sound where it began as push-to-talk."""

    sim: XaiRealtime

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.conversation = self.request.query.get("conversation_id") or new_id("cv")
        self.resumable = False
        self.by_sound: bool | None = None
        self.sent_s = 0.0

    def defaults(self) -> dict[str, Any]:
        told = super().defaults()
        told["audio"]["output"]["voice"] = "eve"
        told["audio"]["input"]["turn_detection"]["interrupt_response"] = True
        return told

    async def begin(self) -> None:
        await self.event(
            "conversation.created", conversation={"id": self.conversation, "object": "realtime.conversation"}
        )
        await self.event("session.created", session={"voice": "eve"})
        for kept in self.sim.kept.get(self.conversation, {}).values():
            self.items[kept.wire["id"]] = kept
            await self.event("conversation.item.added", item=kept.wire)
        await self.send({"type": "ping", "event_id": new_id("event"), "timestamp": int(time.time() * 1000)})

    async def ended(self) -> None:
        if self.resumable:
            self.sim.kept[self.conversation] = self.items
        heard = self.received_bytes / (2 * self.rate)
        seconds = heard + self.sent_s if self.by_sound else time.monotonic() - self.opened_at
        self.sim.truth.bill("session", self.id, seconds=seconds, heard=heard)

    def validated(self, message: Any) -> dict[str, Any]:
        if not isinstance(message, dict) or message.get("type") not in self.TABLE:
            raise Refused("Unknown event.", "", "type")
        if message["type"] == "session.update":
            return {**message, "session": self._session(message.get("session") or {})}
        if message["type"] == "response.create":
            _only(message.get("response") or {}, {"modalities", "instructions"}, "response")
            return message
        refuse_extra(openai_types()[message["type"]].model_validate(message))
        return message

    def _session(self, told: dict[str, Any]) -> dict[str, Any]:
        _only(told, {*TOP, *SAME, "audio", "resumption", "replace"}, "session")
        audio: dict[str, Any] = {side: dict(value) for side, value in (told.get("audio") or {}).items()}
        for side, fields in audio.items():
            _only(fields, AUDIO[side], f"session.audio.{side}")
        _only(audio.get("input", {}).get("transcription") or {}, TRANSCRIPTION, "transcription")
        _only(told.get("turn_detection") or {}, TURNS, "session.turn_detection")
        if (told.get("turn_detection") or {}).get("type", "server_vad") != "server_vad":
            raise Refused("Only server_vad.", "", "session.turn_detection.type")
        for side in ("input", "output"):
            if audio.get(side, {}).get("format", {}).get("rate", 8000) not in RATES:
                raise Refused("Unsupported rate.", "", f"session.audio.{side}.format.rate")
        for name, (side, place) in TOP.items():
            if name in told:
                audio.setdefault(side, {})[place] = told[name]
        self.resumable = bool((told.get("resumption") or {}).get("enabled", self.resumable))
        if self.by_sound is None:
            self.by_sound = "turn_detection" in told and told["turn_detection"] is None
        return {**{name: told[name] for name in SAME & set(told)}, "audio": audio}

    def shown(self, event: dict[str, Any]) -> dict[str, Any]:
        event = {name: value for name, value in event.items() if name not in LEFT_OUT}
        if event["type"].endswith("transcript.done"):
            event.pop("transcript", None)
        if event["type"] in ("response.created", "response.done"):
            gone = ("metadata", "usage", "max_output_tokens")
            event["response"] = {name: value for name, value in event["response"].items() if name not in gone}
        if event["type"] == "response.done":
            event["usage"] = {}
        if event["type"] == "session.updated":
            event["session"] = {"voice": self.session["audio"]["output"]["voice"]}
        return event

    async def event(self, kind: str, **fields: Any) -> None:
        if kind not in UNSAID:
            await super().event(kind, **fields)

    async def transcribe(self, item_id: str, text: str, ms: int) -> None:
        name, words = "conversation.item.input_audio_transcription", text.split()
        for count in range(1, len(words) + 1):
            await self.event(f"{name}.updated", item_id=item_id, transcript=" ".join(words[:count]))
        await self.event(f"{name}.completed", item_id=item_id, transcript=" ".join(words[:-1]), status="in_progress")
        for _ in range(2):
            await self.event(f"{name}.completed", item_id=item_id, transcript=text)

    async def create(self, message: dict[str, Any]) -> None:
        item = message["item"]
        if item["type"] == "message":
            self.sim.truth.bill("text_item", item.get("id") or new_id("item"), items=1)
        await super().create(message)

    async def truncate(self, message: dict[str, Any]) -> None:
        """Nothing: it is ignored without an error."""

    async def finish(self, made: Made, status: str, reason: str | None = None) -> None:
        self.sent_s += made.audio_ms / 1000
        await super().finish(made, status, reason)

    def _usage(self, made: Made) -> dict[str, Any]:
        return {}

    async def expiring(self) -> None:
        await self.close(1001)

    TABLE: ClassVar[dict[str, Callable[[Any, dict[str, Any]], Awaitable[None]]]] = {
        **{name: row for name, row in OpenAIConnection.TABLE.items() if name != "conversation.item.retrieve"},
        "conversation.item.create": create,
        "conversation.item.truncate": truncate,
    }


class XaiRealtime(OpenAIRealtime):
    """The server. ``kept`` are conversations that can be resumed."""

    path, connection = "/v1/realtime", XaiConnection
    models = frozenset({"grok-voice-3.0", "grok-voice-2.0", "grok-voice-latest"})
    voices = frozenset({"eve", "ara", "leo", "rex", "sal"})

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.kept: dict[str, dict[str, Kept]] = {}

    def admit(self, request: web.Request) -> web.Response | None:
        if request.query.get("model") not in self.models:
            return web.json_response({"error": "The model does not exist."}, status=404)
        return super().admit(request)


def _only(told: dict[str, Any], known: set[str], path: str) -> None:
    for name in told:
        if name not in known:
            raise Refused(f"Unknown field {path}.{name}", "", f"{path}.{name}")
