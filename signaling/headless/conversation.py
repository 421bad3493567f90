"""Joins script, microphone, ear and record for the length of one call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from av import AudioFrame

from signaling.headless.call import EVENTS, Call, CallFailed, Target, open_call
from signaling.headless.record import Record
from signaling.headless.script import Action, HangUp, Say, Script, Turn
from signaling.headless.sound import Ear, Microphone, read_clip

OPENING_S = 3.0
"""How long a server may take to say ``session.created``; a server that says nothing is spoken to all the same."""
TICK_S = 0.05
BACKLOG = 4096


class Conversation:
    """One scripted call. ``run`` holds it; ``record`` and ``ear`` keep what happened."""

    def __init__(self, target: Target, turns: list[Turn], record: Record, *, answer_timeout_s: float = 20.0) -> None:
        self._target = target
        self._turns = turns
        self._clips = {turn.content: read_clip(Path(turn.content)) for turn in turns if turn.kind == "wav"}
        self._script = Script(turns, answer_timeout_s=answer_timeout_s)
        self._inbox: asyncio.Queue[Callable[[], list[Action]]] = asyncio.Queue(maxsize=BACKLOG)
        self._opened = asyncio.Event()
        self._microphone = Microphone()
        self._began = time.monotonic()
        self._lost = ""
        self.record = record
        self.ear = Ear(self._sound)

    async def run(self) -> None:
        """Hold the call. Raises CallFailed; the record holds what happened until then."""
        self._began = time.monotonic()
        self.record.line(0.0, "call", f"{self._target.url}, model {self._target.model}")
        async with open_call(
            self._target, self._microphone, hear=self._hear, receive=self._receive, state=self._state
        ) as call:
            self.record.facts |= {"url": self._target.url, "model": self._target.model, "call_id": call.id}
            self.record.facts["connected_ms"] = round(self._at(time.monotonic()) * 1000)
            self.ear.begin(time.monotonic())
            await self._opening()
            await self._converse(call)
            self.record.facts["media"] = await call.stats()

    async def _opening(self) -> None:
        try:
            async with asyncio.timeout(OPENING_S):
                await self._opened.wait()
        except TimeoutError:
            self.record.line(self._at(time.monotonic()), "call", "no session.created; speaking all the same")

    async def _converse(self, call: Call) -> None:
        actions = self._script.start(time.monotonic())
        while True:
            for action in actions:
                if isinstance(action, HangUp):
                    return
                self._perform(action, call)
            actions = await self._next()
            if self._lost:
                raise CallFailed(f"the connection was lost: {self._lost}")

    async def _next(self) -> list[Action]:
        """Return what follows from the next thing that happens, or from the time that passes."""
        try:
            async with asyncio.timeout(TICK_S):
                happened = await self._inbox.get()
        except TimeoutError:
            now = time.monotonic()
            self.ear.tick(now)
            return self._script.tick(now)
        return happened()

    def _perform(self, action: Say, call: Call) -> None:
        turn, now = self._turns[action.index], time.monotonic()
        clip = self._clips.get(turn.content) if turn.kind == "wav" else None
        self.record.say(turn, self._at(now), clip.seconds if clip else 0.0)
        if clip is not None:
            self._microphone.say(clip, self._said)
            return
        content = [{"type": "input_text", "text": turn.content}]
        call.send({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}})
        call.send({"type": "response.create"})
        self._said()

    def _said(self) -> None:
        now = time.monotonic()

        def noted() -> list[Action]:
            actions = self._script.said(now)
            self.record.said(self._at(now), answered=self._script.answered)
            return actions

        self._happened(noted)

    def _hear(self, frame: AudioFrame) -> None:
        self.ear.hear(frame, time.monotonic())

    def _sound(self, audible: bool, since: float) -> None:
        def noted() -> list[Action]:
            self.record.sound(audible, self._at(since))
            return self._script.sound(audible, time.monotonic())

        self._happened(noted)

    def _receive(self, channel: str, event: dict[str, Any]) -> None:
        now = time.monotonic()
        if event.get("type") == "session.created":
            self._opened.set()

        def noted() -> list[Action]:
            self.record.event(event, self._at(now), channel)
            return self._script.event(event, now) if channel == EVENTS else []

        self._happened(noted)

    def _state(self, state: str) -> None:
        self.record.line(self._at(time.monotonic()), "call", state)
        if state == "failed" or (state == "closed" and self.record.turns):
            self._lost = state

    def _happened(self, noted: Callable[[], list[Action]]) -> None:
        if self._inbox.full():
            self._lost = "the server says more than can be read"
        else:
            self._inbox.put_nowait(noted)

    def _at(self, now: float) -> float:
        return now - self._began
