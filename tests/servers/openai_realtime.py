"""OpenAI's Realtime API (GA) on loopback, as its reference describes it; every message both ways is held to the SDK's types.

It hears real sound and takes turns in it, refuses what the provider would refuse with the provider's codes, and bills what
it would have billed. Azure's and xAI's simulators are this one with other names and habits.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, get_args

from aiohttp import web
from openai.types.realtime import RealtimeServerEvent
from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from pydantic import BaseModel, TypeAdapter, ValidationError

from mediaserver.audio import g711
from mediaserver.clock import new_id
from tests.servers import toned
from tests.servers.minds import Call, Ear, Edge, Line, Reply
from tests.servers.provider import Connection, Simulator

PADDING_MS = 300
MODELS = frozenset({"gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2", "gpt-realtime", "gpt-realtime-mini"})
VOICES = frozenset({"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"})
PCM = {"type": "audio/pcm", "rate": 24000}
_DECODE: dict[str, Callable[[bytes], bytes]] = {"audio/pcmu": g711.decode_ulaw, "audio/pcma": g711.decode_alaw}
_ENCODE: dict[str, Callable[[bytes], bytes]] = {"audio/pcmu": g711.encode_ulaw, "audio/pcma": g711.encode_alaw}


class Refused(Exception):
    """What the provider answers with an ``error``."""

    def __init__(self, message: str, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message)
        self.body = {"type": "invalid_request_error", "code": code, "message": message, "param": param}


@dataclass
class Kept:
    """An item of the conversation: as it is on the wire, what the model knows of it, how much sound it has."""

    wire: dict[str, Any]
    line: Line
    audio_ms: int = 0


@dataclass
class Made:
    """A response that is being made."""

    id: str
    params: dict[str, Any]
    out_of_band: bool = False
    output: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""
    audio_ms: int = 0
    lines: list[Line] = field(default_factory=list)


class OpenAIConnection(Connection):
    """One session."""

    rate = 24000
    session_type: ClassVar[str] = "realtime"
    sim: OpenAIRealtime

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.id = new_id("sess")
        self.session = self.defaults()
        self.items: dict[str, Kept] = {}
        self.active: Made | None = None
        self.spoke = False
        self.cached = 0
        self.buffer = bytearray()
        self.speech_item = ""

    # --- shape: what other speakers of this protocol do differently ------------------------------------------------------

    def defaults(self) -> dict[str, Any]:
        """Return the session before any update."""
        turns = {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": PADDING_MS,
            "silence_duration_ms": 500,
            "create_response": True,
            "interrupt_response": True,
            "idle_timeout_ms": None,
        }
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.id,
            "model": self.request.query.get("model", ""),
            "expires_at": int(time.time()) + 3600,
            "instructions": "Your knowledge cutoff is 2023-10.",
            "output_modalities": ["audio"],
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "audio": {
                "input": {"format": PCM, "transcription": None, "noise_reduction": None, "turn_detection": turns},
                "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
            },
        }

    def validated(self, message: Any) -> dict[str, Any]:
        """Return the client's message in GA's shape. Raises Refused for what the SDK's types do not know."""
        if not isinstance(message, dict) or message.get("type") not in self.TABLE:
            raise Refused("Invalid value: supported values are the client events.", param="type")
        return checked(message)

    def shown(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return an event as it goes out; raises for one that the SDK would not understand."""
        known = _server().validate_python(event)
        if not event["type"].startswith(
            "session."
        ):  # the SDK types the session that is shown as the one that is asked for
            refuse_extra(known)
        return event

    # --- the wire ---------------------------------------------------------------------------------------------------------

    async def event(self, kind: str, **fields: Any) -> None:
        """Send one server event."""
        await self.send(self.shown({"type": kind, "event_id": new_id("event"), **fields}))

    async def begin(self) -> None:
        if self.request.headers.get("OpenAI-Beta"):
            error = Refused("The Realtime Beta API is no longer supported.", "beta_api_shape_disabled")
            await self.event("error", error=error.body)
            await self.close(4000, "invalid_request_error.beta_api_shape_disabled")
            return
        if self.request.query.get("model") not in self.sim.models:
            await self.event("error", error=Refused("The model does not exist.", "invalid_model").body)
            await self.close(4000, "invalid_request_error.invalid_model")
            return
        await self.event("session.created", session=self.session)

    async def on_text(self, text: str) -> None:
        message: Any = None
        try:
            message = json.loads(text)
            known = self.validated(message)
            await self.TABLE[known["type"]](self, known)
        except ValueError:
            await self.event("error", error=Refused("The message is no JSON.", "invalid_json").body)
        except Refused as refused:
            name = message.get("event_id") if isinstance(message, dict) else None
            await self.event("error", error={**refused.body, "event_id": name})

    async def on_binary(self, data: bytes) -> None:
        await self.event("error", error=Refused("Binary messages are not supported.", "invalid_value").body)

    async def expiring(self) -> None:
        body = Refused("Your session hit the maximum duration of 60 minutes.", "session_expired").body
        await self.event("error", error=body)
        await self.close(1001)

    def garbage(self, name: str) -> str | bytes:
        made = self.active
        ids = {"response_id": made.id if made else "", "item_id": made.output[-1]["id"] if made and made.output else ""}
        delta = {"type": "response.output_audio.delta", "event_id": "e", "output_index": 0, "content_index": 0, **ids}
        kinds: dict[str, dict[str, Any]] = {
            "bad_base64": {**delta, "delta": "!!not base64!!"},
            "odd_pcm": {**delta, "delta": b64encode(b"odd").decode()},
            "wrong_types": {**delta, "delta": {"a": 7}},
            "out_of_order": {"type": "response.done", "event_id": "e", "response": {"id": "resp_that_never_began"}},
        }
        return json.dumps(kinds[name]) if name in kinds else super().garbage(name)

    # --- the session ------------------------------------------------------------------------------------------------------

    async def update(self, message: dict[str, Any]) -> None:
        told = dict(message["session"])
        if told.get("model") not in (None, self.session["model"]):
            raise Refused("The model cannot be changed.", "invalid_value", "session.model")
        audio = told.pop("audio", None) or {}
        self._voice_may_be(audio.get("output", {}).get("voice"))
        before = self.session["audio"]
        self.session |= told
        self.session["audio"] = {side: {**before[side], **(audio.get(side) or {})} for side in ("input", "output")}
        self._tune()
        await self.event("session.updated", session=self.session)

    def _voice_may_be(self, voice: Any) -> None:
        if voice is None:
            return
        if isinstance(voice, str) and voice not in self.sim.voices:
            raise Refused("Invalid value: that voice is not supported.", param="session.audio.output.voice")
        if self.spoke and voice != self.session["audio"]["output"]["voice"]:
            raise Refused("Cannot update a conversation's voice if assistant audio is present.", "cannot_update_voice")

    def _tune(self) -> None:
        heard = self.session["audio"]["input"]
        rate = heard["format"].get("rate") or 8000
        if rate != self.rate:
            self.rate, self.ear = rate, Ear(rate)
        self.ear.silence_ms = (heard["turn_detection"] or {}).get("silence_duration_ms") or 500

    # --- the caller's sound -----------------------------------------------------------------------------------------------

    async def append(self, message: dict[str, Any]) -> None:
        try:
            sound = b64decode(message["audio"], validate=True)
        except ValueError:
            raise Refused("Invalid base64.", param="audio") from None
        pcm = _DECODE.get(self.session["audio"]["input"]["format"]["type"], bytes)(sound)
        self.buffer += pcm
        turns = self.session["audio"]["input"]["turn_detection"]
        for edge in self.hear(pcm):
            if turns is not None:
                await self._turn(edge, turns)

    async def _turn(self, edge: Edge, turns: Mapping[str, Any]) -> None:
        if edge.kind == "start":
            self.speech_item = new_id("item")
            start = max(0, edge.at_ms - (turns.get("prefix_padding_ms") or PADDING_MS))
            await self.event("input_audio_buffer.speech_started", item_id=self.speech_item, audio_start_ms=start)
            if turns.get("interrupt_response", True):
                await self.stop("turn_detected")
            return
        await self.event("input_audio_buffer.speech_stopped", item_id=self.speech_item, audio_end_ms=edge.heard_ms)
        await self._commit(self.speech_item)
        if turns.get("create_response", True) and not self.busy:
            await self.respond({})

    async def commit(self, message: dict[str, Any]) -> None:
        if len(self.buffer) < self.rate * 2 // 10:
            raise Refused("Expected at least 100ms of audio.", "input_audio_buffer_commit_empty")
        self.ear.reset()
        await self._commit(self.speech_item or new_id("item"))

    async def _commit(self, item_id: str) -> None:
        heard, ms = self.sim.brain.heard(), len(self.buffer) * 1000 // (2 * self.rate)
        self.buffer.clear()
        self.speech_item = ""
        before = self._last_id()
        await self.event("input_audio_buffer.committed", item_id=item_id, previous_item_id=before)
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": item_id, "type": "message", "role": "user", "status": "completed", "content": content}
        await self.keep(item, Line("user", heard), before, ms)
        transcription = self.session["audio"]["input"]["transcription"]
        if transcription is not None:
            self.start(self.transcribe(item_id, heard, ms))

    async def transcribe(self, item_id: str, text: str, ms: int) -> None:
        """Tell what was said, word by word and then whole."""
        name = "conversation.item.input_audio_transcription"
        for index, word in enumerate(text.split()):
            delta = f" {word}" if index else word
            await self.event(f"{name}.delta", item_id=item_id, content_index=0, delta=delta)
        usage = {"type": "duration", "seconds": ms / 1000}
        self.sim.truth.bill("transcription", item_id, seconds=ms / 1000)
        await self.event(f"{name}.completed", item_id=item_id, content_index=0, transcript=text, usage=usage)

    async def clear(self, message: dict[str, Any]) -> None:
        self.buffer.clear()
        self.ear.reset()
        await self.event("input_audio_buffer.cleared")

    # --- items ------------------------------------------------------------------------------------------------------------

    async def create(self, message: dict[str, Any]) -> None:
        item = {"id": new_id("item"), "status": "completed", **message["item"]}
        if len(item["id"]) > 32:
            raise Refused("String too long. Expected a maximum length of 32.", "string_above_max_length", "item.id")
        if item["id"] in self.items:
            raise Refused("An item with this id exists.", "item_create_duplicate_id", "item.id")
        before = message.get("previous_item_id") or self._last_id()
        if before not in (None, "root", *self.items):
            raise Refused("The previous item does not exist.", "invalid_value", "previous_item_id")
        await self.keep(item, line_of(item), None if before == "root" else before, first=before == "root")

    async def keep(
        self, item: dict[str, Any], line: Line, before: str | None, ms: int = 0, *, first: bool = False
    ) -> None:
        """Add an item and tell of it."""
        kept = {item["id"]: Kept(item, line, ms)}
        self.items = {**kept, **self.items} if first else {**self.items, **kept}
        await self.event("conversation.item.added", item=item, previous_item_id=before)
        await self.event("conversation.item.done", item=item, previous_item_id=before)

    async def retrieve(self, message: dict[str, Any]) -> None:
        await self.event("conversation.item.retrieved", item=self._item(message, "item_retrieve_invalid_item_id").wire)

    async def delete(self, message: dict[str, Any]) -> None:
        self._item(message, "item_delete_invalid_item_id")
        del self.items[message["item_id"]]
        await self.event("conversation.item.deleted", item_id=message["item_id"])

    async def truncate(self, message: dict[str, Any]) -> None:
        kept = self._item(message, "item_truncate_invalid_item_id")
        if kept.line.who != "assistant" or not kept.audio_ms:
            raise Refused("Only model output audio messages can be truncated.", "unsupported_content_type")
        if message["audio_end_ms"] > kept.audio_ms:
            raise Refused("Audio content is shorter than that.", "invalid_value", "audio_end_ms")
        words = kept.line.text.split()
        heard = " ".join(words[: message["audio_end_ms"] // (toned.WORD_MS + toned.GAP_MS)])
        kept.line, kept.audio_ms = Line("assistant", heard), message["audio_end_ms"]
        told = {name: message[name] for name in ("item_id", "content_index", "audio_end_ms")}
        await self.event("conversation.item.truncated", **told)

    def _item(self, message: dict[str, Any], code: str) -> Kept:
        if message["item_id"] not in self.items:
            raise Refused("The item does not exist.", code, "item_id")
        return self.items[message["item_id"]]

    def _last_id(self) -> str | None:
        return next(reversed(self.items), None)

    # --- responses --------------------------------------------------------------------------------------------------------

    async def create_response(self, message: dict[str, Any]) -> None:
        params = message.get("response") or {}
        metadata = params.get("metadata") or {}
        if len(metadata) > 16 or any(len(name) > 64 or len(value) > 512 for name, value in metadata.items()):
            raise Refused("Too many or too long metadata.", "invalid_value", "response.metadata")
        self._voice_may_be((params.get("audio") or {}).get("output", {}).get("voice"))
        if params.get("conversation") != "none" and self.busy:
            running = self.active.id if self.active else ""
            text = f"Conversation already has an active response in progress: {running}."
            raise Refused(text, "conversation_already_has_active_response")
        await self.respond(params)

    async def respond(self, params: dict[str, Any]) -> None:
        """Begin a response."""
        made = Made(new_id("resp"), params, params.get("conversation") == "none")
        given = params.get("input")
        made.lines = (
            [line_of(each) for each in given] if given is not None else [each.line for each in self.items.values()]
        )
        if made.out_of_band:
            self.start(self.make(made))
        else:
            self.active = made
            self.begin_reply(self.make(made))

    async def make(self, made: Made) -> None:
        """Make the whole of a response."""
        await self.event("response.created", response=self._response(made, "in_progress"))
        limits = [
            {"name": name, "limit": 1000, "remaining": 900, "reset_seconds": 6.0} for name in ("requests", "tokens")
        ]
        await self.event("rate_limits.updated", rate_limits=limits)
        tools = made.params.get("tools", self.session["tools"]) or []
        if made.params.get("tool_choice", self.session["tool_choice"]) == "none":
            tools = []
        instructions = made.params.get("instructions", self.session["instructions"]) or ""
        answer = self.sim.brain.answer(made.lines, tools, instructions)
        await (self._call(made, answer) if isinstance(answer, Call) else self._speak(made, answer))
        await self.finish(made, "completed")

    async def stop(self, reason: str) -> bool:
        """Cancel the response of the conversation; say whether there was one."""
        made = self.active
        if made is None or not await self.interrupt():
            return False
        await self.finish(made, "cancelled", reason)
        return True

    async def cancel(self, message: dict[str, Any]) -> None:
        name = message.get("response_id")
        if (name and self.active and name != self.active.id) or not await self.stop("client_cancelled"):
            raise Refused("Cancellation failed: no active response found", "response_cancel_not_active")

    async def finish(self, made: Made, status: str, reason: str | None = None) -> None:
        """End a response: what was begun is closed, the item kept, the bill written."""
        if self.active is made:
            self.active = None
        for index, item in enumerate(made.output):
            if item["type"] == "message":
                await self._close_message(made, index, item, "completed" if status == "completed" else "incomplete")
        usage = self._usage(made)
        details = {"type": status, "reason": reason} if reason else None
        response = self._response(made, status) | {"status_details": details, "usage": usage}
        for _ in range(2 if self.faults.double_done else 1):
            await self.event("response.done", response=response)

    async def _call(self, made: Made, call: Call) -> None:
        arguments = json.dumps(call.arguments)
        item = {"id": new_id("item"), "type": "function_call", "name": call.name, "call_id": new_id("call")}
        ids = {"response_id": made.id, "output_index": 0}
        empty = {**item, "status": "in_progress", "arguments": ""}
        whole = {**item, "status": "completed", "arguments": arguments}
        made.output.append(whole)
        await self.event("response.output_item.added", **ids, item=empty)
        ids |= {"item_id": item["id"], "call_id": item["call_id"]}
        name = "response.function_call_arguments"
        for start in range(0, len(arguments), 8):
            await self.event(f"{name}.delta", **ids, delta=arguments[start : start + 8])
        await self.event(f"{name}.done", **ids, name=call.name, arguments=arguments)
        await self.event("response.output_item.done", response_id=made.id, output_index=0, item=whole)
        if not made.out_of_band:
            await self.keep(whole, Line("call", call.name), self._last_id())

    async def _speak(self, made: Made, answer: Reply) -> None:
        item = {"id": new_id("item"), "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        made.output.append(item)
        await self.event("response.output_item.added", response_id=made.id, output_index=0, item=item)
        if not made.out_of_band:
            self.items[item["id"]] = Kept(item, Line("assistant", ""))
            await self.event("conversation.item.added", item=item, previous_item_id=None)
        part = {"type": "audio", "transcript": ""} if self._sounds(made) else {"type": "text", "text": ""}
        await self.event("response.content_part.added", **self._ids(made, item), part=part)
        if self._sounds(made):
            await self._say_aloud(made, item, answer)
            return
        for index, sentence in enumerate(answer.sentences):
            made.text += (delta := f" {sentence}" if index else sentence)
            await self.event("response.output_text.delta", **self._ids(made, item), delta=delta)

    async def _say_aloud(self, made: Made, item: dict[str, Any], answer: Reply) -> None:
        form = self.session["audio"]["output"]["format"]
        rate = form.get("rate") or 8000
        async for piece in self.pieces(answer.sentences, rate):
            if piece.text:
                delta = f" {piece.text}" if made.text else piece.text
                made.text += delta
                await self.event("response.output_audio_transcript.delta", **self._ids(made, item), delta=delta)
            self.spoke = True
            made.audio_ms += len(piece.pcm) * 1000 // (2 * rate)
            sound = b64encode(_ENCODE.get(form["type"], bytes)(piece.pcm)).decode()
            await self.event("response.output_audio.delta", **self._ids(made, item), delta=sound)

    async def _close_message(self, made: Made, index: int, item: dict[str, Any], status: str) -> None:
        ids, sounds = self._ids(made, item), self._sounds(made)
        if sounds:
            await self.event("response.output_audio.done", **ids)
            await self.event("response.output_audio_transcript.done", **ids, transcript=made.text)
            part = {"type": "audio", "transcript": made.text}
        else:
            await self.event("response.output_text.done", **ids, text=made.text)
            part = {"type": "text", "text": made.text}
        await self.event("response.content_part.done", **ids, part=part)
        words = {"transcript": made.text} if sounds else {"text": made.text}
        item |= {"status": status, "content": [{"type": "output_audio" if sounds else "output_text", **words}]}
        if item["id"] in self.items:
            self.items[item["id"]] = Kept(item, Line("assistant", made.text), made.audio_ms)
            await self.event("conversation.item.done", item=item, previous_item_id=None)
        await self.event("response.output_item.done", response_id=made.id, output_index=index, item=item)

    def _ids(self, made: Made, item: dict[str, Any]) -> dict[str, Any]:
        return {"response_id": made.id, "item_id": item["id"], "output_index": 0, "content_index": 0}

    def _modalities(self, made: Made) -> list[str]:
        return list(made.params.get("output_modalities") or self.session["output_modalities"])

    def _sounds(self, made: Made) -> bool:
        return "audio" in self._modalities(made)

    def _response(self, made: Made, status: str) -> dict[str, Any]:
        return {
            "id": made.id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "output": made.output if status != "in_progress" else [],
            "conversation_id": None if made.out_of_band else f"conv_{self.id}",
            "output_modalities": self._modalities(made),
            "max_output_tokens": "inf",
            "audio": {"output": {key: self.session["audio"]["output"][key] for key in ("format", "voice")}},
            "metadata": made.params.get("metadata"),
            "usage": None,
        }

    def _usage(self, made: Made) -> dict[str, Any]:
        """Count the whole conversation as input, what was so before as cached, and write the bill."""
        heard = sum(each.audio_ms for each in self.items.values() if each.line.who == "user") // 100
        text = sum(len(line.text.split()) for line in made.lines) + 10
        cached = min(self.cached, text)
        self.cached = text
        words, sound = len(made.text.split()), made.audio_ms // 50
        self.sim.truth.bill("response", made.id, input_tokens=text + heard, output_tokens=words + sound)
        return {
            "total_tokens": text + heard + words + sound,
            "input_tokens": text + heard,
            "output_tokens": words + sound,
            "input_token_details": {
                "text_tokens": text,
                "audio_tokens": heard,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": words, "audio_tokens": sound},
        }

    TABLE: ClassVar[dict[str, Callable[[Any, dict[str, Any]], Awaitable[None]]]] = {
        "session.update": update,
        "input_audio_buffer.append": append,
        "input_audio_buffer.commit": commit,
        "input_audio_buffer.clear": clear,
        "conversation.item.create": create,
        "conversation.item.retrieve": retrieve,
        "conversation.item.truncate": truncate,
        "conversation.item.delete": delete,
        "response.create": create_response,
        "response.cancel": cancel,
    }


class OpenAIRealtime(Simulator):
    """The server; ``url`` takes ``?model=``."""

    path, connection = "/v1/realtime", OpenAIConnection
    models, voices = MODELS, VOICES

    def admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect API key provided."}
        return web.json_response({"error": error}, status=401)


def line_of(item: Mapping[str, Any]) -> Line:
    """Return an item of the wire as the mind knows it."""
    if item["type"] == "function_call":
        return Line("call", item.get("name") or "")
    if item["type"] == "function_call_output":
        return Line("output", item.get("output") or "")
    words = " ".join(part.get("text") or part.get("transcript") or "" for part in item.get("content") or ())
    role = item.get("role")
    return Line(role if role in ("assistant", "system") else "user", words)


@cache
def client_types() -> dict[str, type[BaseModel]]:
    """Return the SDK's type of each client event."""
    union = get_args(get_args(RealtimeClientEvent)[0])
    return {get_args(each.model_fields["type"].annotation)[0]: each for each in union}


@cache
def _server() -> TypeAdapter[Any]:
    return TypeAdapter(RealtimeServerEvent)


def checked(message: dict[str, Any]) -> dict[str, Any]:
    """Return a client's message that the SDK's type knows wholly. Raises Refused."""
    session = message.get("session")
    if isinstance(session, dict) and session.get("type") != "realtime":
        raise Refused("Missing required parameter: 'session.type'.", "missing_required_parameter", "session.type")
    try:
        refuse_extra(client_types()[message["type"]].model_validate(message))
    except ValidationError as problem:
        row = problem.errors()[0]
        code = "missing_required_parameter" if row["type"] == "missing" else "invalid_value"
        where = (str(each) for each in row["loc"])
        raise Refused(f"Invalid: {row['msg']}", code, ".".join(each for each in where if each.islower())) from None
    return message


def refuse_extra(model: Any, path: str = "") -> None:
    """Raise Refused for a field that the types do not have, however deep."""
    if isinstance(model, (list, tuple)):
        for each in model:
            refuse_extra(each, path)
    if not isinstance(model, BaseModel):
        return
    for name in model.model_extra or {}:
        raise Refused(f"Unknown parameter: '{path}{name}'.", "unknown_parameter", f"{path}{name}")
    for name in type(model).model_fields:
        refuse_extra(getattr(model, name), f"{path}{name}.")
