# ruff: noqa: N815 - fields as they are spelt on the wire
"""Ultravox on loopback: calls made over HTTP, then raw PCM both ways all the time, states, transcripts and tools.

Source: Ultravox API reference ("Create Call", "Create Agent Call") and docs.ultravox.ai, "Protocol & Data Messages" and
"WebSockets". What is sent is checked strictly: a body with an unknown field is a 400; a data message that is not documented
ends the call, since the protocol has no error message.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from tests.servers import toned
from tests.servers.minds import Call, Line
from tests.servers.provider import Connection, Simulator

Duration = Annotated[str, Meta(pattern=r"^\d+(\.\d+)?s$")]
FRAME_S = 0.02
WORD_MS = toned.WORD_MS + toned.GAP_MS


class Strict(Struct, forbid_unknown_fields=True, frozen=True):
    """What is not documented is refused."""


# --- the request that makes a call --------------------------------------------------------------------------------------


class DataMessages(Strict, frozen=True):
    pong: bool = True
    state: bool = True
    transcript: bool = True
    clientToolInvocation: bool = True
    dataConnectionToolInvocation: bool = True
    playbackClearBuffer: bool = True
    callStarted: bool = True
    debug: bool = False
    callEvent: bool = False
    toolUsed: bool = False
    userStartedSpeaking: bool = False
    userStoppedSpeaking: bool = False
    invokingTool: bool = False


class ServerWebSocket(Strict, frozen=True):
    inputSampleRate: Annotated[int, Meta(ge=8000, le=48000)]
    outputSampleRate: int = 0
    clientBufferSizeMs: int = 60
    dataMessages: DataMessages = DataMessages()
    mediaIdleTimeout: Duration | None = None


class Medium(Strict, frozen=True):
    serverWebSocket: ServerWebSocket


class Parameter(Strict, frozen=True):
    name: str
    location: Literal["PARAMETER_LOCATION_BODY"]
    schema: dict[str, Any]
    required: bool = False


class TemporaryTool(Strict, frozen=True):
    modelToolName: str
    client: dict[str, Any]
    description: str = ""
    dynamicParameters: tuple[Parameter, ...] = ()
    timeout: Duration = "2.5s"


class SelectedTool(Strict, frozen=True):
    temporaryTool: TemporaryTool


class InitialMessage(Strict, frozen=True):
    role: Literal["MESSAGE_ROLE_USER", "MESSAGE_ROLE_AGENT", "MESSAGE_ROLE_TOOL_CALL", "MESSAGE_ROLE_TOOL_RESULT"]
    text: str
    invocationId: str | None = None
    toolName: str | None = None


class AgentSpeaker(Strict, frozen=True):
    uninterruptible: bool = False
    text: str | None = None
    prompt: str | None = None
    delay: Duration | None = None


class FirstSpeaker(Strict, frozen=True):
    user: dict[str, Any] | None = None
    agent: AgentSpeaker | None = None


class VadSettings(Strict, frozen=True):
    turnEndpointDelay: Duration = "0.384s"
    minimumTurnDuration: Duration = "0s"
    minimumInterruptionDuration: Duration = "0.09s"
    frameActivationThreshold: Annotated[float, Meta(ge=0.1, le=1)] = 0.1


class AgentCall(Strict, frozen=True):
    """What may be told beside a stored agent's template."""

    medium: Medium
    initialMessages: tuple[InitialMessage, ...] = ()
    initialOutputMedium: Literal["MESSAGE_MEDIUM_VOICE", "MESSAGE_MEDIUM_TEXT"] = "MESSAGE_MEDIUM_VOICE"
    firstSpeakerSettings: FirstSpeaker = FirstSpeaker(agent=AgentSpeaker())
    joinTimeout: Duration = "30s"
    maxDuration: Duration = "3600s"
    recordingEnabled: bool = False
    metadata: dict[str, str] = {}
    templateContext: dict[str, Any] = {}


class OwnCall(Strict, frozen=True):
    """A call that is described by its request alone."""

    medium: Medium
    systemPrompt: str = ""
    model: str = "ultravox-v0.7"
    temperature: Annotated[float, Meta(ge=0, le=1)] = 0.0
    voice: str | None = None
    languageHint: str | None = None
    initialMessages: tuple[InitialMessage, ...] = ()
    initialOutputMedium: Literal["MESSAGE_MEDIUM_VOICE", "MESSAGE_MEDIUM_TEXT"] = "MESSAGE_MEDIUM_VOICE"
    firstSpeakerSettings: FirstSpeaker = FirstSpeaker(agent=AgentSpeaker())
    joinTimeout: Duration = "30s"
    maxDuration: Duration = "3600s"
    recordingEnabled: bool = False
    selectedTools: tuple[SelectedTool, ...] = ()
    vadSettings: VadSettings = VadSettings()


# --- data messages of the client ----------------------------------------------------------------------------------------


class Ping(Strict, frozen=True, tag="ping"):
    timestamp: float


class UserText(Strict, frozen=True, tag="user_text_message"):
    text: str
    urgency: Literal["immediate", "soon", "later"] = "soon"


class SetOutputMedium(Strict, frozen=True, tag="set_output_medium"):
    medium: Literal["voice", "text"]


class ToolResult(Strict, frozen=True, tag="client_tool_result"):
    invocationId: str
    result: str | None = None
    responseType: Literal["tool-response", "hang-up", "new-stage"] = "tool-response"
    agentReaction: Literal["speaks", "listens", "speaks-once"] | None = None
    errorType: Literal["undefined", "implementation-error"] | None = None
    errorMessage: str | None = None


class HangUp(Strict, frozen=True, tag="hang_up"):
    message: str | None = None


MESSAGES = Ping | UserText | SetOutputMedium | ToolResult | HangUp
_ROLES: dict[str, Any] = {
    "MESSAGE_ROLE_USER": "user",
    "MESSAGE_ROLE_AGENT": "assistant",
    "MESSAGE_ROLE_TOOL_CALL": "call",
    "MESSAGE_ROLE_TOOL_RESULT": "output",
}


@dataclass
class Made:
    """A call that was made and can be joined once."""

    id: str
    request: OwnCall | AgentCall
    joined: bool = False


class CallConnection(Connection):
    """One call. Sound goes out in frames of 20 ms in real time, ahead of it by as much as the client keeps."""

    sim: UltravoxCalls

    def __init__(self, sim: Simulator, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.call: Made = sim.calls[request.query["token"]]  # type: ignore[attr-defined]
        self.told = self.call.request
        self.medium = self.told.medium.serverWebSocket
        self.rate = self.medium.inputSampleRate
        self.out_rate = self.medium.outputSampleRate or self.rate
        super().__init__(sim, request, ws)
        if isinstance(self.told, OwnCall):
            self.ear.silence_ms = round(float(self.told.vadSettings.turnEndpointDelay[:-1]) * 1000)
        self.lines = [Line(_ROLES[each.role], each.text) for each in self.told.initialMessages]
        self.writes = self.told.initialOutputMedium == "MESSAGE_MEDIUM_TEXT"
        self.state = "idle"
        self.ordinal = 0
        self.open_calls: set[str] = set()
        self.results: list[ToolResult] = []
        self.sounding: tuple[str, float, int] = ("", 0.0, 0)
        self.playing_until = 0.0
        self.hung_up = False

    async def begin(self) -> None:
        self.call.joined = True
        await self._tell("callStarted", {"type": "call_started", "callId": self.call.id})
        await self._state("listening")
        self.start(self._silence())
        speaker = self.told.firstSpeakerSettings.agent
        if speaker is not None:
            self.begin_reply(self._speak((speaker.text or "Hello there.",)))

    # --- what is heard --------------------------------------------------------------------------------------------------

    async def on_binary(self, data: bytes) -> None:
        for edge in self.hear(data):
            await (self._speech() if edge.kind == "start" else self._turn_over())

    async def on_text(self, text: str) -> None:
        message = None
        with contextlib.suppress(msgspec.DecodeError):
            message = msgspec.json.decode(text, type=MESSAGES)
        if message is None:
            return await self.close(1008, "invalid data message")
        return await _ROWS[type(message)](self, message)

    async def _speech(self) -> None:
        await self._tell("userStartedSpeaking", {"type": "user_started_speaking"})
        await self._cut()

    async def _cut(self) -> None:
        """Stop what is said: the client drops what it has not played, and the history keeps what it has."""
        busy = await self.interrupt()
        if not busy and time.monotonic() >= self.playing_until:
            return
        text, began, ordinal = self.sounding
        self.playing_until = 0.0
        await self._tell("playbackClearBuffer", {"type": "playback_clear_buffer"})
        said = " ".join(text.split()[: max(0, int((time.monotonic() - began) * 1000 / WORD_MS))])
        self.lines[-1] = Line("assistant", said)
        await self._transcript("agent", ordinal, text=said, final=True)
        await self._state("listening")

    async def _turn_over(self) -> None:
        await self._tell("userStoppedSpeaking", {"type": "user_stopped_speaking"})
        await self._state("thinking")
        text = self.sim.brain.heard()
        self.ordinal += 1
        await self._transcript("user", self.ordinal, text=text, final=True)
        self.lines.append(Line("user", text))
        await self._answer()

    async def _written(self, message: UserText) -> None:
        if message.urgency == "later":
            self.lines.append(Line("system", message.text))
            return
        if message.urgency == "immediate":
            await self._cut()
        self.ordinal += 1
        await self._transcript("user", self.ordinal, text=message.text, final=True, medium="text")
        self.lines.append(Line("user", message.text))
        await self._state("thinking")
        await self._answer()

    async def _result(self, message: ToolResult) -> None:
        if message.invocationId not in self.open_calls:
            return await self.close(1008, "unknown invocation")
        self.open_calls.discard(message.invocationId)
        self.results.append(message)
        self.lines.append(Line("output", message.result or message.errorMessage or ""))
        return await self._answer()

    async def _medium(self, message: SetOutputMedium) -> None:
        self.writes = message.medium == "text"

    async def _ping(self, message: Ping) -> None:
        await self._tell("pong", {"type": "pong", "timestamp": message.timestamp})

    async def _hang_up(self, _message: HangUp) -> None:
        self.hung_up = True
        await self.close()

    # --- what is said ---------------------------------------------------------------------------------------------------

    async def _answer(self) -> None:
        told = self.told
        instructions = told.systemPrompt if isinstance(told, OwnCall) else ""
        answer = self.sim.brain.answer(self.lines, self._tools(), instructions)
        if isinstance(answer, Call):
            return await self._invoke(answer)
        self.begin_reply(self._write(answer.sentences) if self.writes else self._speak(answer.sentences))
        return None

    def _tools(self) -> list[dict[str, Any]]:
        told = self.told.selectedTools if isinstance(self.told, OwnCall) else ()
        return [
            {
                "name": each.temporaryTool.modelToolName,
                "parameters": {"properties": {one.name: one.schema for one in each.temporaryTool.dynamicParameters}},
            }
            for each in told
        ]

    async def _invoke(self, call: Call) -> None:
        invocation = f"inv_{secrets.token_hex(6)}"
        self.open_calls.add(invocation)
        self.lines.append(Line("call", call.name))
        await self._tell(
            "clientToolInvocation",
            {
                "type": "client_tool_invocation",
                "toolName": call.name,
                "invocationId": invocation,
                "parameters": call.arguments,
            },
        )

    async def _write(self, sentences: tuple[str, ...]) -> None:
        self.ordinal += 1
        self.lines.append(Line("assistant", " ".join(sentences)))
        await self._deltas(sentences, self.ordinal, "text")
        await self._state("listening")

    async def _speak(self, sentences: tuple[str, ...]) -> None:
        self.ordinal += 1
        text = " ".join(sentences)
        self.sounding = (text, time.monotonic(), self.ordinal)
        self.lines.append(Line("assistant", text))
        await self._state("speaking")
        self.playing_until, total_s, told = 0.0, 0.0, 0
        async for piece in self.pieces(sentences, self.out_rate):
            if piece.text:
                told += 1
                delta = piece.text if told == 1 else f" {piece.text}"
                await self._transcript("agent", self.ordinal, delta=delta, final=False)
            await self.send(piece.pcm)
            total_s += len(piece.pcm) / 2 / self.out_rate
            self.playing_until = self.sounding[1] + total_s
        await self._transcript("agent", self.ordinal, text=text, final=True)
        await self._state("listening")

    async def _deltas(self, sentences: tuple[str, ...], ordinal: int, medium: str) -> None:
        for index, sentence in enumerate(sentences):
            final = index == len(sentences) - 1
            delta = f" {sentence}" if index else sentence
            await self._transcript("agent", ordinal, delta=delta, final=final, medium=medium)

    async def _silence(self) -> None:
        """The stream never pauses: where nothing is said there is silence."""
        frame = bytes(round(self.out_rate * FRAME_S) * 2)
        while not self.ws.closed:
            if not self.busy:
                await self.send(frame)
            await asyncio.sleep(FRAME_S)

    async def _state(self, state: str) -> None:
        self.state = state
        await self._tell("state", {"type": "state", "state": state})

    async def _transcript(self, role: str, ordinal: int, *, final: bool, medium: str = "voice", **what: str) -> None:
        message = {"type": "transcript", "role": role, "medium": medium, "final": final, "ordinal": ordinal, **what}
        await self._tell("transcript", message)

    async def _tell(self, switch: str, message: dict[str, Any]) -> None:
        if getattr(self.medium.dataMessages, switch):
            await self.send(message)

    async def ended(self) -> None:
        seconds = self.received_bytes / 2 / self.rate
        self.sim.truth.bill("call", self.call.id, seconds=seconds, reason="hangup" if self.hung_up else "other")


_ROWS: dict[type, Callable[[CallConnection, Any], Awaitable[None]]] = {
    UserText: CallConnection._written,
    ToolResult: CallConnection._result,
    SetOutputMedium: CallConnection._medium,
    Ping: CallConnection._ping,
    HangUp: CallConnection._hang_up,
}


class UltravoxCalls(Simulator):
    """The vendor. ``http`` is the base address of its API; ``agents`` are the ids of stored agents."""

    path, connection = "/calls/join", CallConnection

    def __init__(self, *, agents: tuple[str, ...] = ("agent_1",), **rest: Any) -> None:
        super().__init__(**rest)
        self.agents = agents
        self.calls: dict[str, Made] = {}
        self.requests: list[dict[str, Any]] = []
        self.join_host: str | None = None
        """Another host in join addresses than our own."""

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of a bridge to it."""
        return {"url": self.http, "key": self.key}

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_post("/api/calls", self._create)
        app.router.add_post("/api/agents/{agent}/calls", self._create)

    def admit(self, request: web.Request) -> web.Response | None:
        call = self.calls.get(request.query.get("token", ""))
        return None if call is not None and not call.joined else web.Response(status=404)

    async def _create(self, request: web.Request) -> web.Response:
        while self.faults.hang and request.transport is not None:
            await asyncio.sleep(FRAME_S)
        if (refusal := self._refusal()) is not None:
            return refusal
        if request.headers.get("X-API-Key") != self.key:
            return web.json_response({"detail": "Invalid API key."}, status=403)
        agent = request.match_info.get("agent")
        if agent is not None and agent not in self.agents:
            return web.json_response({"detail": "Not found."}, status=404)
        body = await request.read()
        try:
            told: OwnCall | AgentCall = msgspec.json.decode(body, type=OwnCall if agent is None else AgentCall)
        except msgspec.DecodeError as wrong:
            return web.json_response({"detail": str(wrong)}, status=400)
        self.requests.append(msgspec.json.decode(body))
        token, call = secrets.token_hex(16), Made(f"call_{secrets.token_hex(6)}", told)
        self.calls[token] = call
        base = self.url if self.join_host is None else f"ws://{self.join_host}{self.path}"
        made = {"callId": call.id, "joinUrl": f"{base}?token={token}", "created": "2026-07-02T00:00:00Z"}
        return web.json_response(made, status=201)
