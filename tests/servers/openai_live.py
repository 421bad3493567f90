"""GPT-Live on loopback: full duplex, transcripts in pieces with times, no turn, response or end of sound in its events.

Source: OpenAI API reference, "Live" (``/v1/live/sessions``), and ``openai.types.live``. What is sent to it is checked
strictly: ``session.start`` comes first and an unknown field is ``unknown_parameter``. It yields by itself when the
caller speaks. Its sound never pauses: for each 100 ms heard there are 100 ms of silence while it says nothing, and speech
comes in real time.
"""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from mediaserver.clock import new_id
from tests.servers.minds import Call, Line, Reply
from tests.servers.provider import Connection, Simulator

WORD_MS = 300
DELTA_MS = 100


SILENCE = b64encode(b"\x14\0\xec\xff" * (24 * DELTA_MS // 2)).decode()
"""What the model sends while it says nothing: not zeros, but far below any voice."""


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is not documented is refused."""


class Client(Strict, kw_only=True):
    event_id: str | None = None


class Format(Strict):
    type: Annotated[str, Meta(pattern="^audio/pcm$")]
    rate: int


class Voice(Strict):
    voice: str = "marin"


class Audio(Strict):
    format: Format
    output: Voice | None = None


class Function(Strict):
    type: Annotated[str, Meta(pattern="^function$")]
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool | None = None


class Reasoning(Strict):
    effort: str | None = None


class Responses(Strict):
    model: str = ""
    instructions: str = ""
    tools: list[Function] = []
    tool_choice: str | dict[str, Any] = "auto"
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None


class Delegation(Strict):
    type: Annotated[str, Meta(pattern="^(client|responses)$")]
    responses: Responses | None = None


class Content(Strict):
    type: Annotated[str, Meta(pattern="^(input_text|output_text)$")]
    text: str


class Message(Strict):
    type: Annotated[str, Meta(pattern="^message$")]
    role: Annotated[str, Meta(pattern="^(developer|user|assistant)$")]
    content: Annotated[list[Content], Meta(min_length=1, max_length=1)]


class SessionConfig(Strict):
    model: Annotated[str, Meta(pattern="^gpt-live-1")]
    audio: Audio
    instructions: str = ""
    delegation: Delegation | None = None
    input: Annotated[list[Message], Meta(max_length=128)] = []


class SessionChange(Strict):
    delegation: Delegation


class Start(Client):
    session: SessionConfig


class Update(Client):
    session: SessionChange


class AudioAppend(Client):
    audio: str


class Append(Client):
    content: str
    delegation_id: str | None


class Output(Strict):
    type: Annotated[str, Meta(pattern="^function_call_output$")]
    call_id: str
    output: str


class ItemCreate(Client):
    item: Output


class ResponseCreate(Client):
    pass


class Close(Client):
    pass


class Refused(Exception):
    """The client did what is not allowed; ``code`` is what it is told."""

    def __init__(self, code: str, event_id: str | None = None) -> None:
        super().__init__(code)
        self.code, self.event_id = code, event_id


class LiveConnection(Connection):
    """One session."""

    rate = 24000

    async def begin(self) -> None:
        self.session_id = new_id("live")
        self.config: SessionConfig | None = None
        self.responses = Responses()
        self.lines: list[Line] = []
        self.pending: dict[str, str] = {}
        self.delegations: list[str] = []
        self.silent_ms = 0
        self.started_at = 0.0
        self.billing: asyncio.Task[None] | None = None

    async def tell(self, kind: str, **fields: Any) -> None:
        """Send one event."""
        event = {"type": kind, **fields}
        if kind != "session.output_audio.delta":
            event["event_id"] = new_id("event")
        self.sim.told.append(event)
        await self.send(event)

    async def on_text(self, text: str) -> None:
        try:
            name, event = self._checked(text)
            await _ROWS[name](self, event)
        except Refused as refused:
            error = {"type": "invalid_request_error", "code": refused.code, "message": "refused", "param": None}
            await self.tell("error", error={**error, "client_event_id": refused.event_id})
            if self.config is None:
                await self.close(1008)

    def _checked(self, text: str) -> tuple[str, Any]:
        try:
            told = json.loads(text)
            name = told.pop("type")
            event_id = told.get("event_id")
        except (ValueError, KeyError, AttributeError, TypeError):
            raise Refused("invalid_json") from None
        if name not in _STRUCTS or (name == "session.start") is (self.config is not None):
            raise Refused("invalid_event", event_id)
        try:
            return name, msgspec.convert(told, _STRUCTS[name])
        except msgspec.ValidationError:
            raise Refused("unknown_parameter", event_id) from None

    # --- from the client ----------------------------------------------------------------------------------------------

    async def _start(self, event: Start) -> None:
        self.config = event.session
        chosen = event.session.delegation
        if chosen is not None and chosen.responses is not None:
            self.responses = chosen.responses
        self.lines += [Line(_WHO[each.role], each.content[0].text) for each in event.session.input]
        self.started_at = time.monotonic()
        await self.tell("session.started", session=self._resource(), client_event_id=event.event_id)
        self.billing = self.start(self._bill())

    async def _update(self, event: Update) -> None:
        change, now = event.session.delegation.responses, self.responses
        if change is None or self.config is None or not self.responses.model:
            raise Refused("invalid_value", event.event_id)
        self.responses = msgspec.structs.replace(change, model=change.model or now.model)
        await self.tell("session.updated", session=self._resource(), client_event_id=event.event_id)

    async def _append_audio(self, event: AudioAppend) -> None:
        for edge in self.hear(b64decode(event.audio, validate=True)):
            if edge.kind == "start":
                await self.interrupt()  # it yields: nothing is said about that
            else:
                await self._turn_over(edge.at_ms)
        while self.ear.heard_ms - self.silent_ms >= DELTA_MS:
            self.silent_ms += DELTA_MS
            if not self.busy:
                await self.tell("session.output_audio.delta", delta=SILENCE)

    async def _turn_over(self, end_ms: int) -> None:
        text = self.sim.brain.heard()
        words = text.split()
        start = max(0, end_ms - WORD_MS * len(words))
        for index, word in enumerate(words):
            delta = word if index == 0 else f" {word}"
            at = start + index * (end_ms - start) // len(words)
            until = start + (index + 1) * (end_ms - start) // len(words)
            await self.tell("session.input_transcript.delta", delta=delta, start_ms=at, end_ms=until)
        self.lines.append(Line("user", text))
        self.begin_reply(self.reply())

    async def _instructions(self, event: Append) -> None:
        self.lines.append(Line("system", event.content))
        await self._appended("instructions", event)

    async def _thinking(self, event: Append) -> None:
        await self._appended("thinking", event)
        if event.delegation_id in self.delegations:
            self.delegations.remove(event.delegation_id)
            await self.interrupt()
            self.begin_reply(self._say(("I cannot look that up.",)))

    async def _commentary(self, event: Append) -> None:
        self.lines.append(Line("output", event.content))
        await self._appended("commentary", event)
        await self.interrupt()
        self.begin_reply(self.reply())

    async def _appended(self, kind: str, event: Append) -> None:
        at = self._now_ms()
        await self.tell(f"session.{kind}.appended", start_ms=at, end_ms=at, client_event_id=event.event_id)

    async def _item(self, event: ItemCreate) -> None:
        if self.pending.pop(event.item.call_id, None) is None:
            raise Refused("invalid_value", event.event_id)
        self.lines.append(Line("output", event.item.output))

    async def _respond(self, event: ResponseCreate) -> None:
        if not self.responses.model or self.pending:
            raise Refused("invalid_state", event.event_id)
        await self.interrupt()
        self.begin_reply(self.reply())

    async def _hang_up(self, event: Close) -> None:
        await self._closed("close_requested", event.event_id)
        await self.close()

    # --- what it says -------------------------------------------------------------------------------------------------

    async def reply(self) -> None:
        """Hand a task on, or speak."""
        tools = [msgspec.to_builtins(each) for each in self.responses.tools]
        asked = self.config.instructions if self.config else ""
        answer = self.sim.brain.answer(self.lines, tools, asked)
        if isinstance(answer, Call):
            return await self._call(answer)
        if "backend" in self.lines[-1].text and not self.responses.model:
            self.delegations.append(new_id("del"))
            handed = {"id": self.delegations[-1], "type": "delegation", "target": "client"}
            return await self.tell("session.delegation.created", delegation=handed, offset_ms=self._now_ms())
        if self.lines[-1].who == "output" and self.responses.model:
            await self._inner_reply(answer)
        return await self._say(answer.sentences)

    async def _say(self, sentences: tuple[str, ...]) -> None:
        said: list[str] = []
        at = self._now_ms()
        try:
            async for piece in self.pieces(sentences, 24000):
                if piece.text:
                    said.append(piece.text)
                    delta, took = piece.text if len(said) == 1 else f" {piece.text}", len(piece.text.split()) * WORD_MS
                    await self.tell("session.output_transcript.delta", delta=delta, start_ms=at, end_ms=at + took)
                    at += took
                await self.tell("session.output_audio.delta", delta=b64encode(piece.pcm).decode())
        finally:
            self.lines.append(Line("assistant", " ".join(said)))

    async def _call(self, call: Call) -> None:
        call_id, response_id, handed = new_id("call"), new_id("resp"), new_id("del")
        self.pending[call_id] = call.name
        self.lines.append(Line("call", call.name))
        delegation = {"id": handed, "type": "delegation", "target": "responses", "response_id": response_id}
        await self.tell("session.delegation.created", delegation=delegation, offset_ms=self._now_ms())
        item = {"type": "function_call", "id": new_id("fc"), "call_id": call_id, "name": call.name}
        await self._inner(handed, "response.created", response={"id": response_id, "status": "in_progress"})
        await self._inner(handed, "response.output_item.added", output_index=0, item={**item, "arguments": ""})
        done = {**item, "arguments": json.dumps(call.arguments), "status": "completed"}
        await self._inner(handed, "response.output_item.done", output_index=0, item=done)
        await self._completed(handed, response_id, 21, 9)

    async def _inner_reply(self, answer: Reply) -> None:
        response_id, handed = new_id("resp"), new_id("del")
        await self._inner(handed, "response.created", response={"id": response_id, "status": "in_progress"})
        await self._inner(handed, "response.output_text.delta", item_id="msg_1", output_index=0, delta=answer.text)
        await self._completed(handed, response_id, 30, 12)

    async def _inner(self, delegation_id: str, kind: str, **fields: Any) -> None:
        await self.tell("response.event", event={"type": kind, **fields}, delegation_id=delegation_id)

    async def _completed(self, delegation_id: str, response_id: str, tokens_in: int, tokens_out: int) -> None:
        self.sim.truth.bill("delegate", response_id, input_tokens=tokens_in, output_tokens=tokens_out)
        usage = {
            "input_tokens": tokens_in,
            "input_tokens_details": {"cached_tokens": 3},
            "output_tokens": tokens_out,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": tokens_in + tokens_out,
        }
        response = {"id": response_id, "status": "completed", "usage": usage}
        await self._inner(delegation_id, "response.completed", response=response)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _now_ms(self) -> int:
        return self.ear.heard_ms

    def _seconds(self) -> int:
        return int(time.monotonic() - self.started_at) if self.started_at else 0

    async def _bill(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(0.05)
            if self._seconds() > told:
                told = self._seconds()
                await self.tell("session.usage.updated", usage={"seconds": told}, context_window={"usage_ratio": 0.01})

    async def _closed(self, reason: str, event_id: str | None = None) -> None:
        if self.billing is not None:
            self.billing.cancel()
        usage = {"seconds": self._seconds()}
        await self.tell(
            "session.closed", reason=reason, usage=usage, session=self._resource(), client_event_id=event_id
        )

    async def expiring(self) -> None:
        await self._closed("expired")

    async def _read(self) -> None:
        try:
            await super()._read()
        finally:
            if self.billing is not None:
                self.billing.cancel()

    async def ended(self) -> None:
        self.sim.truth.bill("session", self.session_id, seconds=self._seconds())

    def _resource(self) -> dict[str, Any]:
        assert self.config is not None
        told = {key: value for key, value in msgspec.to_builtins(self.config).items() if value}
        delegation: dict[str, Any] = {"type": "client"}
        if self.responses.model:
            chosen = msgspec.to_builtins(self.responses)
            delegation = {"type": "responses", "responses": {key: value for key, value in chosen.items() if value}}
        session = {"id": self.session_id, "status": "active", "expires_at": int(time.time()) + 3600}
        return {**told, "delegation": delegation, **session}


_WHO: dict[str, Any] = {"developer": "system", "user": "user", "assistant": "assistant"}
_ROWS: dict[str, Callable[[LiveConnection, Any], Awaitable[None]]] = {
    "session.start": LiveConnection._start,
    "session.update": LiveConnection._update,
    "session.input_audio.append": LiveConnection._append_audio,
    "session.instructions.append": LiveConnection._instructions,
    "session.thinking.append": LiveConnection._thinking,
    "session.commentary.append": LiveConnection._commentary,
    "response.item.create": LiveConnection._item,
    "response.create": LiveConnection._respond,
    "session.close": LiveConnection._hang_up,
}
_STRUCTS: dict[str, type[Strict]] = {
    "session.start": Start,
    "session.update": Update,
    "session.input_audio.append": AudioAppend,
    "session.instructions.append": Append,
    "session.thinking.append": Append,
    "session.commentary.append": Append,
    "response.item.create": ItemCreate,
    "response.create": ResponseCreate,
    "session.close": Close,
}


class LiveServer(Simulator):
    """``told`` is every event sent, for the SDK's types. ``hurry`` makes speech come faster than in real time."""

    path, connection = "/v1/live/sessions", LiveConnection

    def __init__(self, *, hurry: float = 1.0, **settings: Any) -> None:
        super().__init__(**settings | {"speed": hurry, "chunk_ms": DELTA_MS})
        self.told: list[dict[str, Any]] = []

    def admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "refused", "param": None}
        return web.json_response({"error": error}, status=401)
