"""A bridge with known delays: what it hears is what the script says, what it answers too."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mediaserver.bridge import Capabilities, Emit, Opening
from mediaserver.commands import BeginSpeech, Command, DropSpeech, EndSpeech, Interrupt, Respond
from mediaserver.errors import BridgeError
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseCreated,
    ResponseDone,
    TextDelta,
    TextDone,
    ToolCalled,
    TranscriptFinal,
    TranscriptPartial,
)
from mediaserver.items import Usage
from tests.fakes.caller import tone

MS_PER_WORD = 300


@dataclass
class Reply:
    """One answer: its words, each ``MS_PER_WORD`` of sound, given clause by clause; or a function to call first."""

    text: str = "Hello there, my friend."
    tool: tuple[str, str] | None = None
    clause_ms: int = 0  # virtual time that each clause takes to make


@dataclass
class Delays:
    """Milliseconds until each thing happens."""

    ready: int = 0
    partial: int = 100
    transcript: int = 60
    model: int = 120
    speech: int = 80
    stop: int = 0


@dataclass
class ScriptedBridge:
    """Satisfies ``Bridge``. Turn after turn takes its transcript from ``hears`` and each Respond its answer from ``says``.

    A transcript's words are shown as a partial ``delays.partial`` after the first frame where ``partials`` is on. All work
    runs in its own TaskGroup; ``sent`` and ``heard`` keep what came.
    """

    hears: Sequence[str] = ("hello",)
    says: Sequence[Reply] = (Reply(),)
    delays: Delays = field(default_factory=Delays)
    partials: bool = False
    fails: BridgeError | Exception | None = None
    fails_after_ms: int = 0
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(input_rate=16000, output_rate=16000))
    answers_interrupts: bool = True

    def __post_init__(self) -> None:
        self.sent: list[Command] = []
        self.heard: dict[str, int] = {}
        self.sound: dict[str, bytearray] = {}
        self.running = False
        self._hears = deque(self.hears, maxlen=1000)
        self._says = deque(self.says, maxlen=1000)
        self._item: str | None = None
        self._texts: dict[str, str] = {}
        self._making: dict[str, asyncio.Task[None]] = {}
        self._emit: Emit | None = None
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, opening: Opening, emit: Emit, ready: Callable[[], None]) -> None:
        """Serve until cancelled."""
        self._emit, self.running = emit, True
        failure: BaseException | None = None
        try:
            await asyncio.sleep(self.delays.ready / 1000)
            async with asyncio.TaskGroup() as self._tasks:
                ready()
                await self._last()
        except* BridgeError as group:
            failure = group.exceptions[0]
        finally:
            self.running = False
        if failure is not None:  # raised in the clause it would be wrapped before Python 3.11.4 (CPython gh-103590)
            raise failure

    async def _last(self) -> None:
        if self.fails is not None:
            await asyncio.sleep(self.fails_after_ms / 1000)
            raise self.fails
        await asyncio.get_running_loop().create_future()

    def hear(self, pcm: bytes) -> None:
        """Count the frames of each item."""
        if self._item is None:
            return
        self.sound[self._item] += pcm
        self.heard[self._item] += 1
        if self.partials and self.heard[self._item] == max(1, self.delays.partial // 20) and self._texts[self._item]:
            self.emit(TranscriptPartial(self._item, self._texts[self._item].split()[0]))

    def send(self, command: Command) -> None:
        """Do what the session asks."""
        self.sent.append(command)
        match command:
            case BeginSpeech(item_id=item):
                self._item, self.heard[item], self.sound[item] = item, 0, bytearray()
                self._texts[item] = self._hears.popleft() if self._hears else ""
            case EndSpeech(item_id=item):
                self._item = None
                self._start(self._write_down(item))
            case DropSpeech():
                self._item = None
            case Respond():
                self._making[command.response_id] = self._start(self._answer(command))
            case Interrupt(response_id=response_id):
                self._stop(response_id, command.reason)
            case _:
                pass

    def emit(self, event: Event) -> None:
        """Say something out of the script."""
        assert self._emit is not None
        self._emit(event)

    def asked(self, kind: type[Command]) -> list[Command]:
        """Return the commands of one kind that came."""
        return [command for command in self.sent if isinstance(command, kind)]

    def _start(self, work: object) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(work)  # type: ignore[arg-type]

    def _stop(self, response_id: str, reason: str) -> None:
        task = self._making.pop(response_id, None)
        if task is not None and not task.done():
            task.cancel()
        if self.answers_interrupts:
            self._start(self._say_cancelled(response_id, reason))

    async def _say_cancelled(self, response_id: str, reason: str) -> None:
        await asyncio.sleep(self.delays.stop / 1000)
        self.emit(ResponseDone(response_id, "cancelled", reason, Usage(output_tokens=3)))

    async def _write_down(self, item: str) -> None:
        await asyncio.sleep(self.delays.transcript / 1000)
        self.emit(TranscriptFinal(item, self._texts[item]))

    async def _answer(self, ask: Respond) -> None:
        reply = self._says.popleft() if self._says else Reply()
        item = f"item_{ask.response_id}"
        await asyncio.sleep(self.delays.model / 1000)
        self.emit(ResponseCreated(ask.response_id))
        if reply.tool is not None:
            name, arguments = reply.tool
            self.emit(ToolCalled(ask.response_id, f"call_{item}", f"call_{ask.response_id}", name, arguments))
        else:
            await self._speak(ask, item, reply)
        self.emit(ResponseDone(ask.response_id, "completed", None, Usage(output_tokens=7)))

    async def _speak(self, ask: Respond, item: str, reply: Reply) -> None:
        self.emit(TextDelta(ask.response_id, item, reply.text))
        self.emit(TextDone(ask.response_id, item, reply.text))
        if "audio" not in ask.settings.output_modalities:
            return
        await asyncio.sleep(self.delays.speech / 1000)
        for clause in clauses(reply.text):
            sound = tone(MS_PER_WORD * len(clause.split()), self.capabilities.output_rate, -30)
            self.emit(AudioDelta(ask.response_id, item, sound, clause))
            await asyncio.sleep(reply.clause_ms / 1000)
        self.emit(AudioDone(ask.response_id, item))


def clauses(text: str) -> list[str]:
    """Cut a text after commas and full stops."""
    out: list[str] = []
    for word in text.split():
        if out and not out[-1].endswith((",", ".")):
            out[-1] += " " + word
        else:
            out.append(word)
    return out
