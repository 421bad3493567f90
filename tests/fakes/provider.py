"""A realtime provider in virtual time: it hears turns in the sound, remembers, answers by itself, and fails when told to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import get_args

from mediaserver.bridge import Capabilities, Emit, Feature, Opening, SpeechEvents
from mediaserver.commands import Command, CommitInput, CreateItem, Interrupt, Respond
from mediaserver.errors import BridgeError
from mediaserver.events import (
    Alive,
    AudioDelta,
    AudioDone,
    Awaited,
    Event,
    InputCommitted,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    ResponseRefused,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    ToolCalled,
    TranscriptFinal,
)
from mediaserver.items import Usage
from tests.fakes.bridge import MS_PER_WORD, Delays, Reply, clauses
from tests.fakes.caller import tone

EVERYTHING: frozenset[Feature] = frozenset(get_args(Feature))
SETTINGS = frozenset(
    {
        "instructions",
        "voice",
        "tools",
        "tool_choice",
        "turn_detection",
        "output_modalities",
        "transcription",
        "temperature",
    }
)
SHORTEST_TURN_MS = 100
QUIET_MS = 300
PING_S = 0.5


def abilities(
    *without: Feature,
    changes: frozenset[str] = SETTINGS,
    says: SpeechEvents = "both",
    rate: int = 16000,
    goes_on: bool = False,
) -> Capabilities:
    """Return what a provider can do that takes its turns by itself: everything but this."""
    return Capabilities(
        input_rate=rate,
        output_rate=rate,
        hears="always",
        turns="provider",
        remembers=True,
        can=EVERYTHING - set(without),
        changes=changes,
        speech_events=says,
        goes_on_after_tools=goes_on,
    )


@dataclass
class Provider:
    """Satisfies ``Bridge``. Speech of at least 100 ms that 300 ms of silence follow is a turn, written down as the next of
    ``hears`` and answered with the next of ``says``.

    ``fails_after_ms`` counts from ready; without it the provider is broken by :meth:`breaks`. ``refuses_to_open`` is raised
    in place of getting ready. ``cuts`` says whether it stops its reply (``ReplyCut``) when somebody speaks into it.
    """

    hears: Sequence[str] = ("hello",)
    says: Sequence[Reply] = (Reply(),)
    delays: Delays = field(default_factory=Delays)
    capabilities: Capabilities = field(default_factory=abilities)
    refuses_to_open: BridgeError | None = None
    fails: BridgeError | None = None
    fails_after_ms: int = 0
    cuts: bool = True
    name: str = "p"

    def __post_init__(self) -> None:
        self.opening: Opening | None = None
        self.frames: list[bytes] = []
        self.sent: list[Command] = []
        self.running = False
        self.deaf = False
        self._hears = deque(self.hears, maxlen=1000)
        self._says = deque(self.says, maxlen=1000)
        self._turns = 0
        self._replies = 0
        self._loud_ms = self._quiet_ms = self._clock_ms = 0
        self._item: str | None = None
        self._making: dict[str, asyncio.Task[None]] = {}
        self._called: set[str] = set()
        self._unborn: deque[str] = deque(maxlen=10)  # answers on their way of which nothing was told yet
        self._names: dict[str, str] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._emit: Emit | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._end: asyncio.Future[BridgeError | None] | None = None

    # --- Bridge ---

    async def run(self, opening: Opening, emit: Emit, ready: Callable[[], None]) -> None:
        """Serve until cancelled, broken or ended."""
        self.opening, self._emit, self.running = opening, emit, True
        self._end = asyncio.get_running_loop().create_future()
        try:
            await asyncio.sleep(self.delays.ready / 1000)
            if self.refuses_to_open is not None:
                raise self.refuses_to_open
            async with asyncio.TaskGroup() as self._tasks:
                ready()
                end = await self._last()
                for task in [*self._working]:
                    task.cancel()
            if end is not None:
                raise end
        finally:
            self.running, self._emit, self._tasks = False, None, None

    async def _last(self) -> BridgeError | None:
        assert self._end is not None
        fails_at = None if self.fails is None else asyncio.get_running_loop().time() + self.fails_after_ms / 1000
        while not self._end.done():
            left = PING_S if fails_at is None else min(PING_S, fails_at - asyncio.get_running_loop().time())
            if left <= 0:
                return self.fails
            await asyncio.wait((self._end,), timeout=left)
            self._ping()
        return self._end.result()

    def _ping(self) -> None:
        """Be asked for a sign of life, as the link of a real one is, and give it unless nobody is there any more."""
        if self._emit is not None:
            self._emit(Awaited())
            self.emit(Alive())

    def hear(self, pcm: bytes) -> None:
        """Take one frame; find turns in it."""
        self.frames.append(pcm)
        if self._tasks is None or self.deaf:
            return
        self._clock_ms += 20
        if any(pcm):
            self._loud()
        elif self._loud_ms:
            self._quiet()

    def send(self, command: Command) -> None:
        """Do what the session asks."""
        self.sent.append(command)
        if self._tasks is None or self.deaf:
            return
        match command:
            case Respond():
                self._respond(command)
            case Interrupt(response_id=response_id):
                self._stop(response_id, command.reason)
            case CommitInput():
                self._commit(said="")
            case CreateItem(item=item) if item.kind == "function_call_output":
                self._called.discard(item.call_id or "")
                if self.capabilities.goes_on_after_tools:
                    self._begin_reply()
            case _:
                pass

    # --- what a test does with it ---

    def emit(self, event: Event) -> None:
        """Say something out of the script."""
        if self._emit is not None and not self.deaf:
            self._emit(event)

    def breaks(self, code: str = "unavailable", *, retryable: bool = True) -> None:
        """Fail now."""
        self._finish(BridgeError("it broke", code=code, retryable=retryable))

    def ends(self) -> None:
        """End the session in good order, now."""
        self._finish(None)

    def asked(self, kind: type[Command]) -> list[Command]:
        """Return the commands of one kind that came."""
        return [command for command in self.sent if isinstance(command, kind)]

    @property
    def heard_loud_ms(self) -> int:
        """Milliseconds of sound that was not silence."""
        return sum(20 for pcm in self.frames if any(pcm))

    def _finish(self, end: BridgeError | None) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(end)

    # --- turns ---

    def _loud(self) -> None:
        self._loud_ms, self._quiet_ms = self._loud_ms + 20, 0
        if self._item is None and self._loud_ms >= SHORTEST_TURN_MS:
            self._turns += 1
            self._item = f"item_{self.name}_user_{self._turns}"
            if self.capabilities.speech_events != "none":
                self.emit(SpeechStarted(self._item, self._clock_ms - self._loud_ms))
            if self.cuts and self._making:
                self.emit(ReplyCut())
                for response_id in [*self._making]:
                    self._stop(response_id, "turn_detected")

    def _quiet(self) -> None:
        self._quiet_ms += 20
        if self._quiet_ms < QUIET_MS:
            return
        self._loud_ms = self._quiet_ms = 0
        if self._item is not None:
            if self.capabilities.speech_events == "both":
                self.emit(SpeechStopped(self._item, self._clock_ms - QUIET_MS))
            self._commit(self._hears.popleft() if self._hears else "")

    def _commit(self, said: str) -> None:
        item, self._item = self._item or f"item_{self.name}_typed_{len(self.sent)}", None
        self._loud_ms = 0
        self.emit(InputCommitted(item, None))
        self._start(self._write_down(item, said))
        if said and not self._making:
            self._begin_reply()

    async def _write_down(self, item: str, said: str) -> None:
        await asyncio.sleep(self.delays.transcript / 1000)
        self.emit(TranscriptFinal(item, said, Usage(seconds=1.0, source="provider")))

    # --- replies ---

    def _begin_reply(self) -> None:
        self._replies += 1
        response_id = f"resp_{self.name}_{self._replies}"
        self._unborn.append(response_id)
        self._make(response_id)

    def _respond(self, ask: Respond) -> None:
        if self.capabilities.goes_on_after_tools and self._unborn:
            self._names[self._unborn.pop()] = ask.response_id  # it answers by itself, under the name that was asked for
        elif self._making:
            code = "conversation_already_has_active_response"
            self.emit(ResponseRefused(ask.response_id, code, "one is being made"))
        else:
            self._make(ask.response_id, audio="audio" in ask.settings.output_modalities)

    def _make(self, response_id: str, *, audio: bool = True) -> None:
        self._making[response_id] = self._start(self._answer(response_id, audio))

    async def _answer(self, response_id: str, audio: bool) -> None:
        reply = self._says.popleft() if self._says else Reply()
        own = response_id
        try:
            await asyncio.sleep(self.delays.model / 1000)
            if own in self._unborn:
                self._unborn.remove(own)
            response_id = self._names.pop(own, own)
            item = f"item_{self.name}_{response_id}"
            self.emit(ResponseCreated(response_id))
            if reply.tool is not None:
                call_id = f"call_{self.name}_{response_id}"
                self._called.add(call_id)
                self.emit(ToolCalled(response_id, item, call_id, *reply.tool))
            else:
                await self._speak(response_id, item, reply, audio)
        finally:
            self._making.pop(own, None)
        self.emit(ResponseDone(response_id, "completed", None, Usage(output_tokens=7, source="provider")))

    async def _speak(self, response_id: str, item: str, reply: Reply, audio: bool) -> None:
        for clause in clauses(reply.text):
            self.emit(TextDelta(response_id, item, clause + " "))
            if audio:
                words = len(clause.split())
                self.emit(
                    AudioDelta(response_id, item, tone(MS_PER_WORD * words, self.capabilities.output_rate, -30), clause)
                )
            await asyncio.sleep(reply.clause_ms / 1000)
        self.emit(TextDone(response_id, item, reply.text))
        if audio:
            self.emit(AudioDone(response_id, item))

    def _stop(self, response_id: str, reason: str) -> None:
        task = self._making.pop(response_id, None)
        if task is not None:
            task.cancel()
            self._unborn = deque((one for one in self._unborn if one != response_id), maxlen=10)
            self.emit(ResponseDone(response_id, "cancelled", reason, Usage(output_tokens=3, source="provider")))

    def _start(self, work: object) -> asyncio.Task[None]:
        assert self._tasks is not None
        task = self._tasks.create_task(work)  # type: ignore[arg-type]
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task
