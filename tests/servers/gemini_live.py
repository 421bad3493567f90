"""Gemini's Live API on loopback: one setup, sound both ways, the model's own turn-taking, resumption, going away.

Source: Gemini API reference, "Live API". What is sent to it is held to the types of ``google-genai`` and to what those leave
open: exactly one kind of message at a time, a setup first and only once, no fields that are not documented.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from aiohttp import web
from google.genai import types
from pydantic import BaseModel, ValidationError

from mediaserver.clock import new_id
from tests.servers.minds import Call, Line, Reply
from tests.servers.provider import Connection, Simulator

KINDS = frozenset({"setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"})
OUT_RATE = 24000


class Wrong(Exception):
    """What the service closes the connection for (1007): the reason is all that it says."""


class GeminiConnection(Connection):
    """One session."""

    rate = 16000
    sim: GeminiLive

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.setup: dict[str, Any] | None = None
        self.lines: list[Line] = []
        self.history_open = False
        self.handle = new_id("handle")
        self.calls: dict[str, str] = {}
        self.manual = False
        self.activity = False

    async def on_text(self, text: str) -> None:
        try:
            message = checked(json.loads(text))
            name = next(iter(message))
            if (self.setup is None) != (name == "setup"):
                raise Wrong("setup must be the first message and the only one")
            await self.TABLE[name](self, message[name])
        except (Wrong, ValueError, ValidationError) as wrong:
            await self.close(1007, f"Request contains an invalid argument: {str(wrong)[:60]}")

    async def say(self, message: dict[str, Any]) -> None:
        """Send one message: JSON in a binary frame, as the service does."""
        self.sim.told.append(message)
        await self.send(json.dumps(message).encode())

    # --- what the client says -----------------------------------------------------------------------------------------

    async def _setup(self, told: dict[str, Any]) -> None:
        self.setup = told
        if told["model"] not in self.sim.models:
            await self.close(1008, f"{told['model']} is not found for API version v1beta")
            return
        handle = (told.get("sessionResumption") or {}).get("handle")
        if handle is not None:
            if handle not in self.sim.sessions:
                raise Wrong("the handle is not known")
            self.lines = self.sim.sessions[handle]
        detection = (told.get("realtimeInputConfig") or {}).get("automaticActivityDetection") or {}
        self.manual = bool(detection.get("disabled"))
        self.ear.silence_ms = detection.get("silenceDurationMs", 500)
        self.history_open = bool((told.get("historyConfig") or {}).get("initialHistoryInClientContent"))
        await self.say({"setupComplete": {"sessionId": new_id("live")}})
        await self._resumable()

    async def _resumable(self) -> None:
        if "sessionResumption" in (self.setup or {}):
            self.handle = new_id("handle")
            self.sim.sessions[self.handle] = self.lines
            await self.say({"sessionResumptionUpdate": {"newHandle": self.handle, "resumable": True}})

    async def _client_content(self, told: dict[str, Any]) -> None:
        if self.busy and not self.history_open:
            await self._cut_off()
        for turn in told.get("turns") or []:
            text = " ".join(part.get("text", "") for part in turn["parts"])
            note = text.startswith("(note: ")
            self.lines.append(Line("system" if note else "assistant" if turn["role"] == "model" else "user", text))
        if not told.get("turnComplete"):
            return
        if self.history_open:
            self.history_open = False
        else:
            self.begin_reply(self.reply())

    async def _realtime(self, told: dict[str, Any]) -> None:
        if len(told) != 1:
            raise Wrong("one kind of input at a time")
        name, value = next(iter(told.items()))
        if name == "audio":
            await self._audio(b64decode(value["data"], validate=True), value["mimeType"])
        elif name == "text":
            await self._cut_off()
            self.lines.append(Line("user", value))
            self.begin_reply(self.reply())
        elif name in ("activityStart", "activityEnd"):
            await self._activity(name == "activityStart")
        elif name != "audioStreamEnd" or self.manual:
            raise Wrong(f"{name} cannot be sent here")

    async def _audio(self, pcm: bytes, mime: str) -> None:
        if mime != f"audio/pcm;rate={self.rate}" or len(pcm) % 2:
            raise Wrong("this is no sound")
        for edge in self.hear(pcm):
            if self.manual:
                continue
            if edge.kind == "start":
                if "NO_INTERRUPTION" not in str(self.setup):
                    await self._cut_off()
            elif not self.busy:
                self.begin_reply(self.reply(spoken=True))

    async def _activity(self, began: bool) -> None:
        if not self.manual or began == self.activity:
            raise Wrong("activity was not expected")
        self.activity = began
        if began:
            await self._cut_off()
        else:
            self.begin_reply(self.reply(spoken=True))

    async def _tool_response(self, told: dict[str, Any]) -> None:
        for each in told["functionResponses"]:
            if self.calls.pop(each.get("id"), None) != each["name"]:
                raise Wrong("no such function was called")
            value = each["response"].get("output", each["response"].get("error"))
            self.lines.append(Line("output", value if isinstance(value, str) else json.dumps(value)))
        if not self.calls:
            self.begin_reply(self.reply())

    TABLE: ClassVar[dict[str, Callable[[Any, Any], Awaitable[None]]]] = {
        "setup": _setup,
        "clientContent": _client_content,
        "realtimeInput": _realtime,
        "toolResponse": _tool_response,
    }

    # --- what the model does ------------------------------------------------------------------------------------------

    async def _cut_off(self) -> None:
        if not await self.interrupt():
            return
        await self.say({"serverContent": {"interrupted": True}})
        if self.calls:
            await self.say({"toolCallCancellation": {"ids": list(self.calls)}})
            self.calls.clear()
        await self.say({"serverContent": {"turnComplete": True}})

    async def reply(self, *, spoken: bool = False) -> None:
        """Answer what was said."""
        if spoken:
            text = self.sim.brain.heard()
            self.lines.append(Line("user", text))
            for word in text.split():
                await self.say({"serverContent": {"inputTranscription": {"text": f"{word} "}}})
            await self.say({"serverContent": {"inputTranscription": {"text": "", "finished": True}}})
        setup = self.setup or {}
        declared = [each for tool in setup.get("tools") or [] for each in tool.get("functionDeclarations", [])]
        tools = [{"name": each["name"], "parameters": each.get("parametersJsonSchema")} for each in declared]
        instructions = " ".join(part["text"] for part in (setup.get("systemInstruction") or {}).get("parts", []))
        answer = self.sim.brain.answer(self.lines, tools, instructions)
        await (self._call(answer) if isinstance(answer, Call) else self._speak(answer))

    async def _call(self, call: Call) -> None:
        name = new_id("fc")
        self.calls[name] = call.name
        self.lines.append(Line("call", call.name))
        await self.say({"toolCall": {"functionCalls": [{"id": name, "name": call.name, "args": call.arguments}]}})

    async def _speak(self, answer: Reply) -> None:
        text_only = (self.setup or {})["generationConfig"]["responseModalities"] == ["TEXT"]
        said: list[str] = []
        audio_ms = 0
        try:
            async for piece in self.pieces(answer.sentences, OUT_RATE):
                if piece.text:
                    said.append(piece.text)
                    await self._write(piece.text if len(said) == 1 else f" {piece.text}", text_only)
                if not text_only:
                    audio_ms += len(piece.pcm) * 1000 // (2 * OUT_RATE)
                    data = {"mimeType": f"audio/pcm;rate={OUT_RATE}", "data": b64encode(piece.pcm).decode()}
                    await self.say({"serverContent": {"modelTurn": {"role": "model", "parts": [{"inlineData": data}]}}})
        finally:
            self.lines.append(Line("assistant", " ".join(said)))
            self._bill(audio_ms, said)
        await self.say({"serverContent": {"generationComplete": True}})
        complete = {"serverContent": {"turnComplete": True}, "usageMetadata": self.counted}
        for _ in range(2 if self.faults.double_done else 1):
            await self.say(complete)
        await self._resumable()

    async def _write(self, text: str, text_only: bool) -> None:
        if text_only:
            await self.say({"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": text}]}}})
        else:
            await self.say({"serverContent": {"outputTranscription": {"text": text}}})

    def _bill(self, audio_ms: int, said: list[str]) -> None:
        heard, spoken, text = (
            self.received_bytes // 1280,
            audio_ms // 40,
            sum(len(line.text) for line in self.lines) // 4,
        )
        self.counted = {
            "promptTokenCount": heard + text,
            "responseTokenCount": spoken,
            "totalTokenCount": heard + text + spoken,
            "promptTokensDetails": [
                {"modality": "AUDIO", "tokenCount": heard},
                {"modality": "TEXT", "tokenCount": text},
            ],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": spoken}],
        }
        self.sim.truth.bill("turn", new_id("turn"), input_tokens=heard + text, output_tokens=spoken)

    async def going_away(self, left_s: float) -> None:
        await self.say({"goAway": {"timeLeft": f"{left_s:.1f}s"}})

    async def expiring(self) -> None:
        await self.close(1011, "Deadline expired before operation could complete.")

    async def begin(self) -> None:
        await asyncio.sleep(0)


class GeminiLive(Simulator):
    """``told`` is every message sent; ``sessions`` are those that can be taken up again, by handle."""

    path, connection = (
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        GeminiConnection,
    )
    models = frozenset({"models/gemini-3.8-live", "models/gemini-3.1-flash-live-preview"})

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.told: list[dict[str, Any]] = []
        self.sessions: dict[str, list[Line]] = {}

    def admit(self, request: web.Request) -> web.Response | None:
        if self.key in (request.headers.get("x-goog-api-key"), request.query.get("key")):
            return None
        return web.Response(status=401)


def checked(message: Any) -> dict[str, Any]:
    """Return a client's message. Raises Wrong, ValidationError for what the SDK's types do not know."""
    if not isinstance(message, dict) or len(message) != 1 or not KINDS.issuperset(message):
        raise Wrong("exactly one kind of message")
    held = json.loads(json.dumps(message))
    turns = (held.get("setup") or {}).pop(
        "realtimeInputConfig", None
    )  # the SDK's type of a setup lacks it, its wire has it
    if turns is not None:
        _refuse_extra(types.RealtimeInputConfig.model_validate(turns), turns)
    _refuse_extra(types.LiveClientMessage.model_validate(held), held)
    return message


def _refuse_extra(model: BaseModel, given: Any, path: str = "") -> None:
    """Refuse fields that the SDK's types do not have: those would be ignored there, and are wrong here."""
    known = {field.alias or name for name, field in type(model).model_fields.items()} | set(type(model).model_fields)
    for name, value in given.items() if isinstance(given, dict) else ():
        if name not in known:
            raise Wrong(f"unknown field {path}{name}")
        child = next(
            (getattr(model, each) for each, field in type(model).model_fields.items() if name in (each, field.alias)),
            None,
        )
        for one, said in zip(*((child, value) if isinstance(child, list) else ([child], [value])), strict=False):
            if isinstance(one, BaseModel):
                _refuse_extra(one, said, f"{path}{name}.")
