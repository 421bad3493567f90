"""An ElevenLabs agent on loopback: signed URLs, overrides by security settings, its own formats and turns, real sound.

Source: ElevenLabs API reference, "WebSocket" and "Get signed URL", and the ``elevenlabs`` Python SDK. What is sent to it is
checked strictly: an unknown type or field is ``invalid_message``, an override that the agent does not allow
``override_error``, and both end the session.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from mediaserver.audio import g711
from mediaserver.audio.resample import Resampler
from tests.servers import toned
from tests.servers.minds import Call, Line
from tests.servers.provider import Connection, Simulator

PING_S = 2.0
WORD_MS = toned.WORD_MS + toned.GAP_MS


class Strict(Struct, forbid_unknown_fields=True, frozen=True):
    """What is not documented is refused."""


class Prompt(Strict, frozen=True):
    prompt: str | None = None
    llm: str | None = None
    native_mcp_server_ids: list[str] | None = None


class AgentOverride(Strict, frozen=True):
    first_message: str | None = None
    language: str | None = None
    prompt: Prompt | None = None


class TtsOverride(Strict, frozen=True):
    voice_id: str | None = None
    stability: float | None = None
    speed: float | None = None
    similarity_boost: float | None = None


class ConversationOverride(Strict, frozen=True):
    text_only: bool | None = None
    client_events: list[str] | None = None


class Overrides(Strict, frozen=True):
    text_only: bool | None = None  # the SDK puts it here when it has no sound
    agent: AgentOverride = AgentOverride()
    tts: TtsOverride = TtsOverride()
    conversation: ConversationOverride = ConversationOverride()


class SourceInfo(Strict, frozen=True):
    source: str | None = None
    version: str | None = None


class Initiation(Strict, frozen=True, tag="conversation_initiation_client_data"):
    conversation_config_override: Overrides = Overrides()
    dynamic_variables: dict[str, str | float | bool | None] = {}
    custom_llm_extra_body: dict[str, Any] = {}
    user_id: str | None = None
    source_info: SourceInfo | None = None


class Pong(Strict, frozen=True, tag="pong"):
    event_id: int


class ToolResult(Strict, frozen=True, tag="client_tool_result"):
    tool_call_id: str
    result: str
    is_error: bool


class ContextualUpdate(Strict, frozen=True, tag="contextual_update"):
    text: str
    context_id: str | None = None


class UserMessage(Strict, frozen=True, tag="user_message"):
    text: str | None = None
    rich_content_id: str | None = None


class UserActivity(Strict, frozen=True, tag="user_activity"):
    pass


class UserAudio(Strict, frozen=True):
    user_audio_chunk: bytes


MESSAGES = Initiation | Pong | ToolResult | ContextualUpdate | UserMessage | UserActivity


@dataclass(frozen=True)
class Agent:
    """What is stored at the vendor's."""

    id: str = "agent_1"
    public: bool = False
    input_format: str = "pcm_16000"
    output_format: str = "pcm_16000"
    first_message: str = ""
    allowed: tuple[str, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    required_variables: tuple[str, ...] = ()
    parts: bool = False
    """Whether it sends its text piece by piece too (``agent_chat_response_part``)."""
    vad_scores: bool = True
    completes: bool = False
    """Whether it sends ``agent_response_complete``."""


class AgentConnection(Connection):
    """One conversation."""

    sim: ElevenLabsAgents

    def __init__(self, sim: Simulator, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.agent: Agent = sim.agent  # type: ignore[attr-defined]
        self.rate = int(self.agent.input_format.partition("_")[2])
        super().__init__(sim, request, ws)
        self.conversation_id = f"conv_{secrets.token_hex(6)}"
        self.begun: Initiation | None = None
        self.lines: list[Line] = []
        self.pongs: list[int] = []
        self.results: list[ToolResult] = []
        self.event_id = 0
        self.open_calls: dict[str, str] = {}
        self.sounding: tuple[str, float] = ("", 0.0)  # the newest answer and when its sound began to play
        self.playing_until = 0.0
        self.text_only = False

    # --- what is heard ------------------------------------------------------------------------------------------------

    async def on_text(self, text: str) -> None:
        message = self._parsed(text)
        if message is None:
            return await self._error(1008, "invalid_message")
        if self.begun is None:
            if isinstance(message, Initiation):
                return await self._initiate(message)
            return await self._error(1008, "invalid_message")
        return await _ROWS[type(message)](self, message)

    def _parsed(self, text: str) -> Any:
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(text, type=UserAudio)
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(text, type=MESSAGES)
        return None

    async def _initiate(self, message: Initiation) -> None:
        if (kind := self._objection(message)) is not None:
            return await self._error(1008, kind)
        self.begun = message
        self.text_only = bool(message.conversation_config_override.conversation.text_only)
        await self._say(
            "conversation_initiation_metadata",
            "conversation_initiation_metadata_event",
            conversation_id=self.conversation_id,
            agent_output_audio_format=self.agent.output_format,
            user_input_audio_format=self.agent.input_format,
        )
        self.start(self._pinging())
        told = message.conversation_config_override.agent.first_message
        greeting = self.agent.first_message if told is None else told
        if greeting:
            self.begin_reply(self._speak((greeting,)))
        return None

    def _objection(self, message: Initiation) -> str | None:
        told = message.conversation_config_override
        asked = {
            "prompt": told.agent.prompt,
            "first_message": told.agent.first_message,
            "language": told.agent.language,
            "voice": told.tts.voice_id,
            "speed": told.tts.speed,
            "text_only": told.conversation.text_only,
        }
        if any(value is not None and name not in self.agent.allowed for name, value in asked.items()):
            return "override_error"
        missing = set(self.agent.required_variables) - set(message.dynamic_variables)
        return "missing_dynamic_variable" if missing else None

    async def _sound(self, message: UserAudio) -> None:
        pcm = message.user_audio_chunk
        if self.agent.input_format.startswith("ulaw"):
            pcm = g711.decode_ulaw(pcm)
        for edge in self.hear(pcm):
            await (self._barged_in() if edge.kind == "start" else self._turn_over())
        if self.agent.vad_scores and self.received_bytes % (self.rate // 5 * 2) < len(pcm):
            await self._say("vad_score", "vad_score_event", vad_score=0.9 if self.ear.speaking else 0.1)

    async def _barged_in(self) -> None:
        busy = await self.interrupt()
        if not busy and time.monotonic() >= self.playing_until:
            return
        text, began = self.sounding
        self.playing_until = 0.0
        await self._say("interruption", "interruption_event", event_id=self.event_id)
        said = " ".join(text.split()[: max(0, int((time.monotonic() - began) * 1000 / WORD_MS))])
        self.lines[:] = [*self.lines[:-1], Line("assistant", said)]
        await self._say(
            "agent_response_correction",
            "agent_response_correction_event",
            original_agent_response=text,
            corrected_agent_response=said,
            event_id=self.event_id,
        )

    async def _turn_over(self) -> None:
        text = self.sim.brain.heard()
        self.event_id += 1
        for kind, key in (
            ("tentative_user_transcript", "tentative_user_transcription_event"),
            ("user_transcript", "user_transcription_event"),
        ):
            await self._say(kind, key, user_transcript=text, event_id=self.event_id)
        self.lines.append(Line("user", text))
        await self._answer()

    async def _written(self, message: UserMessage) -> None:
        await self.interrupt()
        self.lines.append(Line("user", message.text or ""))
        await self._answer()

    async def _context(self, message: ContextualUpdate) -> None:
        self.lines.append(Line("system", message.text))

    async def _pong(self, message: Pong) -> None:
        self.pongs.append(message.event_id)

    async def _activity(self, message: UserActivity) -> None:
        """The user is busy: nothing to do."""

    async def _result(self, message: ToolResult) -> None:
        if self.open_calls.pop(message.tool_call_id, None) is None:
            return await self._error(1008, "invalid_message")
        self.results.append(message)
        self.lines.append(Line("output", message.result))
        return await self._answer()

    # --- what is said -------------------------------------------------------------------------------------------------

    async def _answer(self) -> None:
        answer = self.sim.brain.answer(self.lines, self.agent.tools)
        if isinstance(answer, Call):
            return await self._call(answer)
        self.begin_reply(self._speak(answer.sentences))
        return None

    async def _call(self, call: Call) -> None:
        call_id = f"tool_{secrets.token_hex(6)}"
        self.open_calls[call_id] = call.name
        self.lines.append(Line("call", call.name))
        self.event_id += 1
        await self._say(
            "client_tool_call",
            "client_tool_call",
            tool_name=call.name,
            tool_call_id=call_id,
            parameters=call.arguments,
            event_id=self.event_id,
        )

    async def _speak(self, sentences: tuple[str, ...]) -> None:
        """The whole text comes near the first sound; every piece of sound has an id of its own."""
        text = " ".join(sentences)
        self.lines.append(Line("assistant", text))
        self.event_id += 1
        if self.agent.parts or self.text_only:
            await self._parts(sentences)
        await self._say("agent_response", "agent_response_event", agent_response=f" {text}", event_id=self.event_id)
        if not self.text_only:
            await self._sing(sentences, text)
        if self.agent.completes:
            await self.send({"type": "agent_response_complete"})

    async def _sing(self, sentences: tuple[str, ...], text: str) -> None:
        rate = int(self.agent.output_format.partition("_")[2])
        made = Resampler(24000, rate)
        self.sounding = (text, time.monotonic())
        self.playing_until = 0.0
        total_s, asked = 0.0, 0
        schedule = scheduled(sentences)
        async for piece in self.pieces(sentences, 24000):
            pcm = made.feed(piece.pcm)
            total_s += len(pcm) / 2 / rate
            self.playing_until = self.sounding[1] + total_s
            self.event_id += 1
            from_ms, asked = asked, asked + len(piece.pcm) // 48
            sound = g711.encode_ulaw(pcm) if self.agent.output_format.startswith("ulaw") else pcm
            await self._say(
                "audio",
                "audio_event",
                audio_base_64=base64.b64encode(sound).decode(),
                event_id=self.event_id,
                alignment=aligned(schedule, from_ms, asked),
            )

    async def _parts(self, sentences: tuple[str, ...]) -> None:
        pieces = [("start", ""), *(("delta", f" {each}") for each in sentences), ("stop", "")]
        for kind, text in pieces:
            await self._say(
                "agent_chat_response_part", "text_response_part", text=text, type=kind, event_id=self.event_id
            )

    async def _pinging(self) -> None:
        while True:
            self.event_id += 1
            await self._say("ping", "ping_event", event_id=self.event_id, ping_ms=None)
            await asyncio.sleep(PING_S)

    async def _say(self, kind: str, key: str, **event: Any) -> None:
        await self.send({"type": kind, key: event})

    async def _error(self, code: int, kind: str) -> None:
        await self._say("error", "error_event", code=code, error_type=kind, message="refused", reason=None)
        await self.close(code, kind)

    async def expiring(self) -> None:
        await self._say("error", "error_event", code=1000, error_type="max_duration_exceeded")

    async def ended(self) -> None:
        self.sim.truth.bill("call", self.conversation_id, seconds=self.received_bytes / 2 / self.rate)


_ROWS: dict[type, Callable[[AgentConnection, Any], Awaitable[None]]] = {
    UserAudio: AgentConnection._sound,
    UserMessage: AgentConnection._written,
    ContextualUpdate: AgentConnection._context,
    Pong: AgentConnection._pong,
    UserActivity: AgentConnection._activity,
    ToolResult: AgentConnection._result,
    Initiation: AgentConnection._initiate,
}


def scheduled(sentences: tuple[str, ...]) -> list[tuple[str, int]]:
    """Return every word of a reply and where its sound begins, in ms."""
    told, at_ms = [], 0
    for sentence in sentences:
        for word in sentence.split():
            told.append((word, at_ms))
            at_ms += toned.WORD_MS + toned.GAP_MS
        at_ms += toned.PAUSE_MS
    return told


def aligned(schedule: list[tuple[str, int]], from_ms: int, to_ms: int) -> dict[str, list[Any]]:
    """Return the times of the characters whose words begin in this piece of sound, in its own time."""
    chars: list[str] = []
    starts: list[int] = []
    for word, at_ms in schedule:
        if from_ms <= at_ms < to_ms:
            step = toned.WORD_MS // (len(word) + 1)
            chars += [*word, " "]
            starts += [at_ms - from_ms + step * index for index in range(len(word) + 1)]
    return {"chars": chars, "char_start_times_ms": starts, "char_durations_ms": [10] * len(chars)}


class ElevenLabsAgents(Simulator):
    """The vendor with one agent. ``http`` is the base address for the SDK and for our bridge."""

    path, connection = "/v1/convai/conversation", AgentConnection

    def __init__(self, *, agent: Agent | None = None, **rest: Any) -> None:
        super().__init__(**rest)
        self.agent = agent or Agent()
        self.signatures: set[str] = set()
        self.signed_host: str | None = None
        """Another host in signed URLs than our own: an attack."""

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of a bridge to this agent."""
        return {
            "agent_id": self.agent.id,
            "url": self.http,
            "key": "" if self.agent.public else self.key,
            "overrides": list(self.agent.allowed),
        }

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_get(self.path + "/get-signed-url", self._sign)

    def admit(self, request: web.Request) -> web.Response | None:
        signature = request.query.get("conversation_signature")
        known = request.query.get("agent_id") == self.agent.id
        if known and (self.agent.public or signature in self.signatures):
            self.signatures.discard(signature or "")
            return None
        return web.json_response({"detail": {"status": "not_authorized"}}, status=403)

    async def _sign(self, request: web.Request) -> web.Response:
        while self.faults.hang and request.transport is not None:
            await asyncio.sleep(0.02)
        if (refusal := self._refusal()) is not None:
            return refusal
        if request.headers.get("xi-api-key") != self.key:
            return web.json_response({"detail": {"status": "invalid_api_key"}}, status=401)
        if request.query.get("agent_id") != self.agent.id:
            return web.json_response({"detail": {"status": "agent_not_found"}}, status=404)
        signature = secrets.token_hex(16)
        self.signatures.add(signature)
        base = self.url if self.signed_host is None else f"ws://{self.signed_host}{self.path}"
        url = f"{base}?agent_id={self.agent.id}&conversation_signature={signature}"
        return web.Response(text=json.dumps({"signed_url": url}), content_type="application/json")
