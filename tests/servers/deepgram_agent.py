"""Deepgram's Voice Agent on loopback: the documented messages, real sound, the agent's own turn-taking.

Source: Deepgram API reference, "Voice Agent" (``wss://agent.deepgram.com/v1/agent/converse``). What is sent to it is checked
strictly: an unknown field or a wrong type is ``UNPARSABLE_CLIENT_MESSAGE``, settings that cannot be ``INVALID_SETTINGS``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from mediaserver.audio.opus import OpusDecoder, OpusEncoder
from mediaserver.clock import new_id
from tests.servers.minds import Call, Line
from tests.servers.provider import Connection, Simulator

FRAME = 960
"""Bytes of 20 ms at 24 kHz."""


class Strict(Struct, forbid_unknown_fields=True):
    """What is not documented is refused."""


class Input(Strict):
    encoding: Annotated[str, Meta(pattern="^(linear16|opus)$")]
    sample_rate: int


class Output(Strict):
    encoding: Annotated[str, Meta(pattern="^(linear16|opus)$")]
    sample_rate: int
    container: Annotated[str, Meta(pattern="^none$")]


class Audio(Strict):
    input: Input
    output: Output


class ListenProvider(Strict):
    type: str
    model: str
    version: Annotated[str, Meta(pattern="^v[12]$")] = "v1"
    language: str | None = None
    language_hints: list[str] | None = None
    keyterms: list[str] | None = None
    smart_format: bool | None = None
    eot_threshold: float | None = None
    eager_eot_threshold: float | None = None
    eot_timeout_ms: int | None = None


class Listen(Strict):
    provider: ListenProvider


class ThinkProvider(Strict):
    type: Annotated[str, Meta(pattern="^(open_ai|anthropic|google|groq|aws_bedrock|deepgram)$")]
    model: str
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None


class Function(Strict):
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class Think(Strict):
    provider: ThinkProvider
    endpoint: dict[str, Any] | None = None
    functions: list[Function] = []
    prompt: str = ""


class SpeakProvider(Strict):
    type: Annotated[str, Meta(pattern="^deepgram$")]
    model: Annotated[str, Meta(pattern="^(aura|aura-2|flux)-[a-z]+-[a-z]{2}$")]
    version: str | None = None
    speed: Annotated[float, Meta(ge=0.7, le=1.5)] | None = None


class Speak(Strict):
    provider: SpeakProvider


class Before(Strict):
    type: Annotated[str, Meta(pattern="^History$")]
    role: Annotated[str, Meta(pattern="^(user|assistant)$")] | None = None
    content: str | None = None
    function_calls: list[dict[str, Any]] | None = None


class Context(Strict):
    messages: list[Before]


class Agent(Strict):
    listen: Listen
    think: Think
    speak: Speak
    greeting: str | None = None
    context: Context | None = None


class Settings(Strict):
    audio: Audio
    agent: Agent
    mip_opt_out: bool = False


class UpdateThink(Strict):
    think: Think


class UpdateSpeak(Strict):
    speak: Speak


class UpdatePrompt(Strict):
    prompt: str


class InjectUserMessage(Strict):
    content: str


class FunctionCallResponse(Strict):
    id: str
    name: str
    content: str


class KeepAlive(Strict):
    pass


class ForceEndTurn(Strict):
    pass


class Refused(Exception):
    """The client did what is not allowed; ``code`` is what it is told."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AgentConnection(Connection):
    """One session with the agent."""

    rate = 24000

    async def begin(self) -> None:
        self.request_id = new_id("dg")
        self.settings: Settings | None = None
        self.think = self.speak = None
        self.lines: list[Line] = []
        self.pending: dict[str, str] = {}
        self.heard_at = time.monotonic()
        await self.tell("Welcome", request_id=self.request_id)
        self.watch = self.start(self._watch())
        self.decoder, self.encoder = OpusDecoder(24000), OpusEncoder(24000)
        self.packets: list[bytes] = []
        self.sent_packets: list[bytes] = []

    async def tell(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        self.sim.told.append({"type": kind, **fields})
        await self.send({"type": kind, **fields})

    async def on_text(self, text: str) -> None:
        self.heard_at = time.monotonic()
        try:
            name, message = self._checked(text)
            await _ROWS[name](self, message)
        except Refused as refused:
            await self.tell("Error", code=refused.code, description="what was sent cannot be used")
            await self.close(1008)

    def _checked(self, text: str) -> tuple[str, Any]:
        wrong = "UNPARSABLE_CLIENT_MESSAGE"
        try:
            told = json.loads(text)
            name = told.pop("type")
            wrong = "INVALID_SETTINGS" if name == "Settings" else wrong
            message = msgspec.convert(told, _STRUCTS[name])
        except (ValueError, KeyError, AttributeError, TypeError):
            raise Refused(wrong) from None
        if (name == "Settings") is (self.settings is not None):
            raise Refused("UNPARSABLE_CLIENT_MESSAGE")
        return name, message

    async def on_binary(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        if self.settings is None:
            await self.tell("Error", code="UNPARSABLE_CLIENT_MESSAGE", description="settings come first")
            return await self.close(1008)
        if self.settings.audio.input.encoding == "opus":
            self.packets.append(data)
            data = self.decoder.decode(data)
        for edge in self.hear(data):
            if edge.kind == "start":
                await self._barge_in()
            else:
                await self._turn_over()
        return None

    async def _barge_in(self) -> None:
        await self.interrupt()
        await self.tell("UserStartedSpeaking")
        if self.pending:
            gone = [{"id": call_id, "name": name} for call_id, name in self.pending.items()]
            self.pending.clear()
            await self.tell("FunctionCallCancelled", functions=gone)

    async def _turn_over(self) -> None:
        await self._user(self.sim.brain.heard())

    async def _user(self, text: str) -> None:
        self.lines.append(Line("user", text))
        await self.tell("ConversationText", role="user", content=text, conversational_behavior="default")
        self.begin_reply(self.reply())

    async def reply(self) -> None:
        """Think, then call a function or speak."""
        await self.tell("AgentThinking", content="")
        tools = [msgspec.to_builtins(each) for each in self.think.functions]
        answer = self.sim.brain.answer(self.lines, tools, self.think.prompt)
        if isinstance(answer, Call):
            return await self._call(answer)
        if self.sim.reports_start:
            await self.tell("AgentStartedSpeaking", total_latency=0.5, tts_latency=0.2, ttt_latency=0.3)
        return await self._say(answer.sentences)

    async def _say(self, sentences: tuple[str, ...]) -> None:
        said: list[str] = []
        try:
            async for piece in self.pieces(sentences, 24000):
                if piece.text:
                    said.append(piece.text)
                    await self.tell(
                        "ConversationText", role="assistant", content=piece.text, conversational_behavior="default"
                    )
                await self._send_sound(piece.pcm)
        finally:
            self.lines.append(Line("assistant", " ".join(said)))
        await self.tell("AgentAudioDone")
        if self.faults.double_done:
            await self.tell("AgentAudioDone")

    async def _send_sound(self, pcm: bytes) -> None:
        if self.settings.audio.output.encoding != "opus":
            return await self.send(pcm)
        for start in range(0, len(pcm), FRAME):  # one packet in each message: there is no container
            self.sent_packets.append(self.encoder.encode(pcm[start : start + FRAME].ljust(FRAME, b"\0")))
            await self.send(self.sent_packets[-1])
        return None

    async def _call(self, call: Call) -> None:
        call_id = new_id("fc")
        self.pending[call_id] = call.name
        self.lines.append(Line("call", call.name))
        asked = {"id": call_id, "name": call.name, "arguments": json.dumps(call.arguments), "client_side": True}
        await self.tell("FunctionCallRequest", functions=[asked])

    # --- from the client ----------------------------------------------------------------------------------------------

    async def _settings(self, message: Settings) -> None:
        self.settings, self.think, self.speak = message, message.agent.think, message.agent.speak
        for each in message.agent.context.messages if message.agent.context else ():
            self.lines += _before(each)
        if message.agent.greeting:
            self.begin_reply(self._say((message.agent.greeting,)))
            await asyncio.sleep(0.05)  # the real agent begins to greet before it confirms
        await self.tell("SettingsApplied")

    async def _inject(self, message: InjectUserMessage) -> None:
        if self.ear.speaking:
            return await self.tell("InjectionRefused", message="the user is speaking")
        await self.interrupt()
        await self.tell("UserStartedSpeaking")  # a written turn is heard like a spoken one
        return await self._user(message.content)

    async def _result(self, message: FunctionCallResponse) -> None:
        if self.pending.pop(message.id, None) != message.name:
            raise Refused("UNPARSABLE_CLIENT_MESSAGE")
        self.lines.append(Line("output", message.content))
        self.begin_reply(self.reply())

    async def _update_think(self, message: UpdateThink) -> None:
        self.think = message.think
        await self.tell("ThinkUpdated")

    async def _update_speak(self, message: UpdateSpeak) -> None:
        self.speak = message.speak
        await self.tell("SpeakUpdated")

    async def _update_prompt(self, message: UpdatePrompt) -> None:
        self.think.prompt += "\n" + message.prompt
        self.lines.append(Line("system", message.prompt))
        await self.tell("PromptUpdated")

    async def _force_end(self, _message: ForceEndTurn) -> None:
        if self.ear.speaking:
            self.ear.reset()
            await self._turn_over()

    async def _alive(self, _message: KeepAlive) -> None:
        """Nothing to do: it was heard."""

    # --- the end ------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while time.monotonic() - self.heard_at < self.sim.patience_s:
            await asyncio.sleep(0.02)
        await self.tell("Error", code="CLIENT_MESSAGE_TIMEOUT", description="nothing was heard")
        await self.close(1011, "NET-0001")

    async def run(self) -> None:
        self.watch: asyncio.Task[None] | None = None
        await super().run()

    async def _read(self) -> None:
        try:
            await super()._read()
        finally:
            if self.watch is not None:
                self.watch.cancel()

    async def expiring(self) -> None:
        await self.tell("Error", code="SESSION_EXPIRED", description="the session has lasted long enough")

    async def ended(self) -> None:
        connected = time.monotonic() - self.opened_at
        sound = self.received_bytes / (2 * self.rate)
        self.sim.truth.bill("session", self.request_id, seconds=connected, sound_seconds=sound)


def _before(message: Before) -> list[Line]:
    if message.function_calls is not None:
        return [
            line
            for call in message.function_calls
            for line in (Line("call", call["name"]), Line("output", call["response"]))
        ]
    return [Line("user" if message.role == "user" else "assistant", message.content or "")]


_ROWS: dict[str, Callable[[AgentConnection, Any], Awaitable[None]]] = {
    "Settings": AgentConnection._settings,
    "UpdateThink": AgentConnection._update_think,
    "UpdateSpeak": AgentConnection._update_speak,
    "UpdatePrompt": AgentConnection._update_prompt,
    "InjectUserMessage": AgentConnection._inject,
    "FunctionCallResponse": AgentConnection._result,
    "KeepAlive": AgentConnection._alive,
    "ForceEndTurn": AgentConnection._force_end,
}
_STRUCTS: dict[str, type[Strict]] = {
    "Settings": Settings,
    "UpdateThink": UpdateThink,
    "UpdateSpeak": UpdateSpeak,
    "UpdatePrompt": UpdatePrompt,
    "InjectUserMessage": InjectUserMessage,
    "FunctionCallResponse": FunctionCallResponse,
    "KeepAlive": KeepAlive,
    "ForceEndTurn": ForceEndTurn,
}


class DeepgramAgentServer(Simulator):
    """``told`` is every message sent, for the SDK's types; ``patience_s`` is how long it waits for anything."""

    path, connection = "/v1/agent/converse", AgentConnection
    patience_s = 10.0
    reports_start = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.told: list[dict[str, Any]] = []

    def admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") in (f"Token {self.key}", f"token {self.key}", f"Bearer {self.key}"):
            return None
        return web.json_response({"err_code": "INVALID_AUTH"}, status=401, headers={"dg-error": "INVALID_AUTH"})
