"""Gemini's Live API on loopback: one setup, sound both ways, the model's own turn-taking, resumption, going away.

Source: Gemini API reference, "Live API". What is sent to it is held to the types of ``google-genai``, which forbid unknown
fields, and to what those leave open: exactly one kind of message at a time, a setup first and only once. As the service
does, it takes names in camelCase and in snake_case, sends its JSON in binary frames, and says what is wrong in the close's
reason.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from aiohttp import web
from google.genai import types
from pydantic import ValidationError

from mediaserver.clock import new_id
from tests.servers.minds import Call, Line, Reply
from tests.servers.provider import Connection, Simulator

OUT_RATE = 24000
NOTE = "(note: "
RELUCTANT = "models/gemini-3.1-flash-live-preview"
"""Takes no clientContent after its first turn."""
THINKING = "models/gemini-3.8-live-extended-thinking"
VOICES = frozenset(
    (
        *("Zephyr", "Puck", "Charon", "Kore", "Fenrir", "Leda", "Orus", "Aoede", "Callirrhoe", "Autonoe", "Enceladus"),
        *("Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib", "Rasalgethi", "Laomedeia", "Achernar"),
        *("Alnilam", "Schedar", "Gacrux", "Pulcherrima", "Achird", "Zubenelgenubi", "Vindemiatrix", "Sadachbia"),
        *("Sadaltager", "Sulafat"),
    )
)
GARBAGE = {
    "bad_base64": '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm","data":"*?"}}]}}}',
    "odd_pcm": '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm","data":"AAAA"}}]}}}',
    "bad_call": '{"toolCall":{"functionCalls":[{"id":"x","name":"f","args":[1]}]}}',
    "wrong_types": '{"serverContent":[7]}',
    "deep": '{"serverContent":' + "[" * 10_000 + "]" * 10_000 + "}",
    "unknown_event": '{"brandNew":{"a":1}}',
}


class Setup(types.LiveClientSetup):
    """The first message."""

    realtime_input_config: types.RealtimeInputConfig | None = None


class Wrong(Exception):
    """What the service closes the connection for (1007): the reason is all that it says."""


class GeminiConnection(Connection):
    """One session."""

    rate = 16000
    sim: GeminiLive

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.setup: Setup | None = None
        self.lines: list[Line] = []
        self.history_open = False
        self.calls: dict[str, str] = {}
        self.results: list[types.FunctionResponse] = []
        self.manual = self.activity = False
        self.spoke = False
        self.unheard: deque[str] = deque(maxlen=8)  # turns that were spoken into an answer that went on
        self.counted: dict[str, Any] | None = None
        self.playing = 0.0

    async def on_text(self, text: str) -> None:
        try:
            message = read(text)
            if (self.setup is None) == (message.setup is None):
                raise Wrong("setup must be the first message and the only one")
            name = next(name for name in self.TABLE if getattr(message, name) is not None)
            await self.TABLE[name](self, getattr(message, name))
        except (Wrong, ValueError, RecursionError) as wrong:
            self.sim.wrongs.append(str(wrong))
            await self.close(1007, f"Request contains an invalid argument: {str(wrong)[:60]}")

    async def say(self, message: dict[str, Any]) -> None:
        """Send one message: JSON in a binary frame, as the service does."""
        self.sim.told.append(message)
        await self.send(json.dumps(message).encode())

    def garbage(self, name: str) -> str | bytes:
        return GARBAGE.get(name) or super().garbage(name)

    # --- what the client says -----------------------------------------------------------------------------------------

    async def _setup(self, told: Setup) -> None:
        if not self.sim.knows(self.request):
            await self.close(1007, "API key not valid. Please pass a valid API key.")
            return
        if told.model not in self.sim.models:
            await self.close(1008, f"{told.model} is not found for API version v1beta")
            return
        self.setup = told
        self._check_generation(told)
        resumption = told.session_resumption
        if resumption is not None and resumption.handle is not None:
            if resumption.handle not in self.sim.sessions:
                raise Wrong("the session handle is not valid")
            self.lines = list(self.sim.sessions[resumption.handle])
        detection = (told.realtime_input_config or types.RealtimeInputConfig()).automatic_activity_detection
        self.manual = bool(detection and detection.disabled)
        self.ear.silence_ms = (detection and detection.silence_duration_ms) or 500
        self.history_open = bool(told.history_config and told.history_config.initial_history_in_client_content)
        await self.say({"setupComplete": {"sessionId": new_id("live")}})
        await self._resumable()

    def _check_generation(self, told: Setup) -> None:
        wanted = told.generation_config or types.GenerationConfig()
        if len(wanted.response_modalities or ["AUDIO"]) != 1:
            raise Wrong("one response modality at a time")
        if wanted.thinking_config is not None and told.model != THINKING:
            raise Wrong("thinking_level is not supported by this model")
        voice = wanted.speech_config and wanted.speech_config.voice_config
        name = voice and voice.prebuilt_voice_config and voice.prebuilt_voice_config.voice_name
        if name and name not in VOICES:
            raise Wrong("no such voice")

    async def _resumable(self) -> None:
        if self.setup is not None and self.setup.session_resumption is not None:
            handle = new_id("handle")
            self.sim.sessions[handle] = list(self.lines)
            await self.say({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})

    async def _client_content(self, told: types.LiveClientContent) -> None:
        if self.setup is not None and self.setup.model == RELUCTANT and self.spoke:
            raise Wrong("client content is not supported after the first turn")
        if not self.history_open:
            await self._cut_off()
        for turn in told.turns or []:
            text = " ".join(part.text or "" for part in turn.parts or [])
            who = "system" if text.startswith(NOTE) else "assistant" if turn.role == "model" else "user"
            self.lines.append(Line(who, text))  # type: ignore[arg-type]
        if not told.turn_complete:
            return
        if self.history_open:
            self.history_open = False
        else:
            self.begin_reply(self.reply())

    async def _realtime(self, told: types.LiveClientRealtimeInput) -> None:
        given = told.model_dump(exclude_none=True)
        if len(given) != 1 or self.history_open:
            raise Wrong("one kind of input at a time, after the history")
        name = next(iter(given))
        if told.audio is not None:
            await self._audio(told.audio)
        elif told.text is not None:
            await self._cut_off()
            self.lines.append(Line("user", told.text))
            self.begin_reply(self.reply())
        elif name in ("activity_start", "activity_end"):
            await self._activity(name == "activity_start")
        elif name != "audio_stream_end" or self.manual:
            raise Wrong(f"{name} cannot be sent here")
        else:
            await self._flush()

    async def _audio(self, blob: types.Blob) -> None:
        pcm = blob.data or b""
        if blob.mime_type != f"audio/pcm;rate={self.rate}" or len(pcm) % 2:
            raise Wrong("this is no sound")
        for edge in self.hear(pcm):
            if self.manual:
                if not self.activity:
                    raise Wrong("sound outside an activity")
            elif edge.kind == "start":
                await self._spoken_into()
            else:
                self._turn_over()

    async def _spoken_into(self) -> None:
        config = self.setup.realtime_input_config if self.setup is not None else None
        if config is None or config.activity_handling != types.ActivityHandling.NO_INTERRUPTION:
            await self._cut_off()

    def _turn_over(self) -> None:
        text = self.sim.brain.heard()
        if self.busy:
            self.unheard.append(text)
        else:
            self.begin_reply(self.reply(text))

    async def _flush(self) -> None:
        """The microphone was closed: what was being said is a turn."""
        if self.ear.speaking:
            self.ear.reset()
            self._turn_over()

    async def _activity(self, began: bool) -> None:
        if not self.manual or began == self.activity:
            raise Wrong("activity was not expected")
        self.activity = began
        if began:
            await self._spoken_into()
        else:
            self._turn_over()

    async def _tool_response(self, told: types.LiveClientToolResponse) -> None:
        for each in told.function_responses or []:
            if self.sim.vertex and each.id is not None:
                raise Wrong("unknown name id")
            call_id = each.id or next((one for one, name in self.calls.items() if name == each.name), "")
            if self.calls.pop(call_id, None) != each.name:
                raise Wrong("no such function was called")
            self.results.append(each)
            response = each.response or {}
            value = response.get("output", response.get("error"))
            self.lines.append(Line("output", value if isinstance(value, str) else json.dumps(value)))
        if not self.calls and not self.busy:
            self.begin_reply(self.reply())

    async def _context_update(self, told: types.LiveClientContextUpdate) -> None:
        assert self.setup is not None
        if told.system_instruction is not None:
            self.setup.system_instruction = told.system_instruction
        if told.tools is not None:
            self.setup.tools = told.tools.tools

    TABLE: ClassVar[dict[str, Callable[[Any, Any], Awaitable[None]]]] = {
        "setup": _setup,
        "client_content": _client_content,
        "realtime_input": _realtime,
        "tool_response": _tool_response,
        "context_update": _context_update,
    }

    # --- what the model does ------------------------------------------------------------------------------------------

    async def _cut_off(self) -> None:
        """Stop what is said, and do without the functions that were called."""
        if self.calls:
            await self.say({"toolCallCancellation": {"ids": list(self.calls)}})
            self.calls.clear()
        if not await self.interrupt():
            return
        await self.say({"serverContent": {"interrupted": True}})
        await self._complete()

    async def reply(self, spoken: str | None = None) -> None:
        """Answer what was said, and then what was spoken into that answer."""
        await self._answer(spoken)
        while self.unheard:
            await self._answer(self.unheard.popleft())

    async def _answer(self, spoken: str | None) -> None:
        if spoken is not None:
            self.lines.append(Line("user", spoken))
            await self._transcribe(spoken)
        answer = self.sim.brain.answer(self.lines, self._declared(), self._instructions())
        await (self._call(answer) if isinstance(answer, Call) else self._speak(answer))

    async def _transcribe(self, text: str) -> None:
        if self.setup is None or self.setup.input_audio_transcription is None:
            return
        for word in text.split():
            await self.say({"serverContent": {"inputTranscription": {"text": f"{word} "}}})
        if self.sim.finishes:
            await self.say({"serverContent": {"inputTranscription": {"text": "", "finished": True}}})

    def _declared(self) -> list[dict[str, Any]]:
        tools = (self.setup and self.setup.tools) or []
        found: list[Any] = [each for tool in tools for each in getattr(tool, "function_declarations", None) or []]
        return [{"name": each.name, "parameters": _schema(each)} for each in found]

    def _instructions(self) -> str:
        told: Any = self.setup.system_instruction if self.setup is not None else None
        return " ".join(part.text or "" for part in told.parts or []) if isinstance(told, types.Content) else ""

    async def _call(self, call: Call) -> None:
        call_id = new_id("fc")
        self.calls[call_id] = call.name
        self.lines.append(Line("call", call.name))
        named = {"id": call_id} if self.sim.names_calls else {}
        await self.say({"toolCall": {"functionCalls": [{**named, "name": call.name, "args": call.arguments}]}})

    async def _speak(self, answer: Reply) -> None:
        generation = (self.setup and self.setup.generation_config) or types.GenerationConfig()
        writes = generation.response_modalities == [types.Modality.TEXT]
        said: list[str] = []
        audio_ms = 0
        self.spoke, began = True, asyncio.get_running_loop().time()
        try:
            async for piece in self.pieces(answer.sentences, OUT_RATE):
                if piece.text:
                    said.append(piece.text)
                    await self._write(piece.text if len(said) == 1 else f" {piece.text}", writes)
                if not writes:
                    audio_ms += len(piece.pcm) * 1000 // (2 * OUT_RATE)
                    data = {"mimeType": f"audio/pcm;rate={OUT_RATE}", "data": b64encode(piece.pcm).decode()}
                    await self.say({"serverContent": {"modelTurn": {"role": "model", "parts": [{"inlineData": data}]}}})
            await self.say({"serverContent": {"generationComplete": True}})
            if self.sim.waits:
                await asyncio.sleep(max(0.0, began + audio_ms / 1000 - asyncio.get_running_loop().time()))
        finally:
            self.lines.append(Line("assistant", " ".join(said)))
            self._bill(audio_ms)
        await self._complete()
        await self._resumable()

    async def _write(self, text: str, writes: bool) -> None:
        if writes:
            await self.say({"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": text}]}}})
        elif self.setup is not None and self.setup.output_audio_transcription is not None:
            await self.say({"serverContent": {"outputTranscription": {"text": text}}})

    async def _complete(self) -> None:
        counted, self.counted = self.counted, None
        usage = {"usageMetadata": counted} if counted is not None else {}
        for _ in range(2 if self.faults.double_done else 1):
            await self.say({"serverContent": {"turnComplete": True, "interactionStatus": "IDLE"}, **usage})

    def _bill(self, audio_ms: int) -> None:
        """Count a turn: all that was heard and said before it is its prompt, at 25 tokens a second and one per 4 letters."""
        heard, spoken = self.received_bytes // 1280, audio_ms // 40
        text = sum(len(line.text) for line in self.lines) // 4
        self.counted = {
            "promptTokenCount": heard + text,
            "responseTokenCount": spoken,
            "totalTokenCount": heard + text + spoken,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": heard}],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": spoken}],
        }
        self.sim.truth.bill("turn", new_id("turn"), input_tokens=heard + text, output_tokens=spoken)

    async def going_away(self, left_s: float) -> None:
        await self.say({"goAway": {"timeLeft": f"{left_s:.1f}s"}})

    async def expiring(self) -> None:
        await self.close(1011, "Deadline expired before operation could complete.")


class GeminiLive(Simulator):
    """``told`` is every message sent, ``wrongs`` what was wrong; ``sessions`` can be taken up again, by handle.

    ``waits``: a turn is complete when its sound would have been played, as the service does where it assumes real time.
    ``finishes``: transcripts of the caller have an end. ``names_calls``: functions are called with ids. ``vertex``: ids in
    their answers are refused.
    """

    path, connection = (
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        GeminiConnection,
    )
    paths = (
        "/ws/google.ai.generativelanguage.{version:v1|v1alpha}.GenerativeService.BidiGenerateContent",
        "/ws/google.ai.generativelanguage.{version:v1alpha|v1beta}.GenerativeService.BidiGenerateContentConstrained",
        "/ws/google.cloud.aiplatform.{version:v1|v1beta1}.LlmBidiService/BidiGenerateContent",
    )
    models = frozenset(
        {
            *("models/gemini-3.8-live", RELUCTANT, THINKING),
            "projects/p/locations/us-central1/publishers/google/models/gemini-3.8-live",
        }
    )

    def __init__(
        self,
        *,
        waits: bool = False,
        finishes: bool = True,
        names_calls: bool = True,
        vertex: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.waits, self.finishes, self.names_calls, self.vertex = waits, finishes, names_calls, vertex
        self.told: deque[dict[str, Any]] = deque(maxlen=20_000)
        self.wrongs: deque[str] = deque(maxlen=100)
        self.sessions: dict[str, list[Line]] = {}

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        for path in self.paths:
            app.router.add_get(path, self.door)

    def knows(self, request: web.Request) -> bool:
        """Say whether the credentials of a handshake are right: a wrong key is told after the setup, by a close."""
        shown = request.headers.get("Authorization", "").partition(" ")[2]
        return self.key in (request.headers.get("x-goog-api-key"), request.query.get("key"), shown)


class Message(types.LiveClientMessage):
    """A client's message; of its setup the SDK's type lacks one field, which its converter sends all the same."""

    setup: Setup | None = None


def read(text: str) -> Message:
    """Return a client's message. Raises Wrong for what the SDK's types do not know."""
    given = json.loads(text)
    if not isinstance(given, dict) or len(given) != 1:
        raise Wrong("exactly one kind of message")
    try:
        return Message.model_validate(given)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise Wrong(f"{'.'.join(str(each) for each in first['loc'])}: {first['type']}") from None


def _schema(declared: Any) -> Any:
    if declared.parameters_json_schema is not None:
        return declared.parameters_json_schema
    return declared.parameters.model_dump(exclude_none=True, mode="json") if declared.parameters is not None else {}
