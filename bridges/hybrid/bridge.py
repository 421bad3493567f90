"""The chain as one bridge: what is heard is written down, answered by a language model, and spoken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bridges.hybrid.draft import Draft
from bridges.hybrid.first import first
from bridges.hybrid.hearing import Hearing
from bridges.hybrid.reply import Reply
from bridges.options import Deadlines, Speculation
from mediaserver.bridge import Capabilities, Emit, Opening, Remember
from mediaserver.clock import Clock, monotonic, new_id
from mediaserver.commands import (
    BeginSpeech,
    Command,
    DropPrepared,
    DropSpeech,
    EndSpeech,
    Interrupt,
    PauseSpeech,
    Prepare,
    Respond,
    ResumeSpeech,
    UpdateSession,
)
from mediaserver.errors import BridgeError
from mediaserver.events import UsageReported
from mediaserver.settings import Settings, Transcription
from mediaserver.speech import LanguageModel, SpeechToText, TextToSpeech, Warm

_HEARINGS = 8
"""Turns that may be on their way to text at the same time; one more and the oldest is given up."""


class HybridBridge:
    """Satisfies :class:`mediaserver.bridge.Bridge` with three engines, which it shares with other calls and does not own.

    One response is made at a time: a new ``Respond`` cancels the one before it. ``voice`` tells the engine that speaks, and
    its options, from all others.
    """

    def __init__(
        self,
        stt: SpeechToText,
        llm: LanguageModel,
        tts: TextToSpeech,
        *,
        deadlines: Deadlines | None = None,
        speculate: Speculation = "off",
        voice: str = "",
        clock: Clock = monotonic,
    ) -> None:
        self.capabilities = Capabilities(
            input_rate=stt.rate, output_rate=tts.rate, voices=tts.voices, prepares=speculate != "off"
        )
        self._speculate = speculate
        self._stt, self._llm, self._tts = stt, llm, tts
        self._voice = voice
        self._deadlines = deadlines or Deadlines()
        self._clock = clock
        self._serving: _Serving | None = None

    async def run(self, opening: Opening, emit: Emit, ready: Callable[[], None]) -> None:
        """Warm the engines, then serve until cancelled. Raises BridgeError when an engine cannot be had."""
        try:
            await self._warm()
            async with asyncio.TaskGroup() as tasks:
                self._serving = _Serving(self, opening.settings, self._remembering(opening.remember), emit, tasks)
                ready()
                await asyncio.get_running_loop().create_future()
        finally:
            self._serving = None

    def hear(self, pcm: bytes) -> None:
        """Take one frame of the turn that BeginSpeech opened; outside of a turn it is not kept."""
        if self._serving is not None:
            self._serving.hear(pcm)

    def send(self, command: Command) -> None:
        """Take a command; those that are none of the chain's business are let pass."""
        if self._serving is not None:
            self._serving.take(command)

    def _remembering(self, remember: Remember | None) -> TextToSpeech:
        return self._tts if remember is None else remember(self._tts, self._voice)

    async def _warm(self) -> None:
        engines = [engine for engine in (self._stt, self._llm, self._tts) if isinstance(engine, Warm)]
        failure: BridgeError | None = None
        try:
            async with asyncio.timeout(self._deadlines.warm_s), asyncio.TaskGroup() as warming:
                for engine in engines:
                    warming.create_task(engine.warm())
        except* TimeoutError:
            failure = BridgeError("the speech engines did not start in time", code="not_ready")
        except* BridgeError as failures:
            failure = first(failures)
        if failure is not None:
            raise failure


class _Serving:
    """The bridge while it runs: the turns being heard, the answer being made, and the TaskGroup that owns their tasks."""

    def __init__(
        self, bridge: HybridBridge, settings: Settings, tts: TextToSpeech, emit: Emit, tasks: asyncio.TaskGroup
    ) -> None:
        self._bridge = bridge
        self._tts = tts
        self._wanted = settings.transcription or Transcription()
        self._emit = emit
        self._tasks = tasks
        self._hearing: Hearing | None = None
        self._hearings: dict[str, asyncio.Task[None]] = {}
        self._reply: tuple[Reply, asyncio.Task[None]] | None = None
        self._draft: Draft | None = None
        self._takers: dict[type[Command], Callable[[Any], None]] = {
            BeginSpeech: self._begin,
            PauseSpeech: self._pause,
            ResumeSpeech: self._resume,
            EndSpeech: self._end,
            DropSpeech: self._drop,
            Prepare: self._prepare,
            DropPrepared: lambda _: self._drop_draft(),
            Respond: self._respond,
            Interrupt: self._interrupt,
            UpdateSession: self._update,
        }

    def hear(self, pcm: bytes) -> None:
        if self._hearing is not None:
            self._hearing.hear(pcm)

    def take(self, command: Command) -> None:
        taker = self._takers.get(type(command))
        if taker is not None:
            taker(command)

    def _begin(self, command: BeginSpeech) -> None:
        if self._hearing is not None:
            self._hearing.end()
        while len(self._hearings) >= _HEARINGS:
            self._forget(next(iter(self._hearings)))
        self._hearing = hearing = Hearing(command.item_id, self._emit)
        listening = hearing.run(self._bridge._stt, self._wanted, self._bridge._deadlines)
        self._hearings[command.item_id] = task = self._start(listening)
        task.add_done_callback(lambda _: self._heard(command.item_id, task))

    def _heard(self, item_id: str, task: asyncio.Task[None]) -> None:
        if self._hearings.get(item_id) is task:
            del self._hearings[item_id]

    def _pause(self, command: PauseSpeech) -> None:
        if self._hearing is not None and self._hearing.item_id == command.item_id:
            self._hearing.pause()

    def _resume(self, command: ResumeSpeech) -> None:
        if self._hearing is not None and self._hearing.item_id == command.item_id:
            self._hearing.resume()

    def _end(self, command: EndSpeech) -> None:
        if self._hearing is not None and self._hearing.item_id == command.item_id:
            self._hearing.end()
            self._hearing = None

    def _drop(self, command: DropSpeech) -> None:
        if self._hearing is not None and self._hearing.item_id == command.item_id:
            self._hearing = None
        self._forget(command.item_id)

    def _forget(self, item_id: str) -> None:
        task = self._hearings.pop(item_id, None)
        if task is not None:
            task.cancel()

    def _respond(self, command: Respond) -> None:
        self._stop("client_cancelled")
        bridge = self._bridge
        reply = Reply(command, self._emit, bridge._deadlines, bridge._clock, self._drafted(command))
        reply.begin()
        self._reply = reply, self._start(reply.run(bridge._llm, self._tts))

    def _prepare(self, command: Prepare) -> None:
        self._drop_draft()
        self._draft = draft = Draft(command)
        aloud = self._tts if self._bridge._speculate == "speech" else None
        draft.start(self._tasks, self._bridge._llm, self._bridge._deadlines, aloud)

    def _drafted(self, command: Respond) -> Draft | None:
        """Return the beginning of this answer, if it was guessed right."""
        draft = self._draft
        if draft is None or not draft.answers(command):
            self._drop_draft()
            return None
        self._draft = None
        return draft

    def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        used = None if draft is None else draft.drop()
        if used is not None:
            self._emit(UsageReported(used, "draft", new_id("draft")))

    def _interrupt(self, command: Interrupt) -> None:
        if self._reply is not None and self._reply[0].response_id == command.response_id:
            self._stop(command.reason)

    def _stop(self, reason: str) -> None:
        if self._reply is not None:
            reply, task = self._reply
            self._reply = None
            if not reply.over:
                reply.stop(reason)
                task.cancel()

    def _update(self, command: UpdateSession) -> None:
        self._wanted = command.settings.transcription or Transcription()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)
