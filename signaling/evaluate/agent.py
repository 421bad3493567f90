"""The agent of ``--in-process``: a bridge that hears what the script says and answers with a tone, after known times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import numpy as np

from mediaserver.bridge import Capabilities, Emit, Opening
from mediaserver.commands import BeginSpeech, Command, DropSpeech, EndSpeech, Interrupt, Respond
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseCreated,
    ResponseDone,
    TextDelta,
    TextDone,
    TranscriptFinal,
    TranscriptPartial,
)
from signaling.evaluate.noise import RATE
from signaling.evaluate.script import Reply

PARTIAL_LAG_MS = 250
"""A word is in a partial transcript this long after its end: that of a good streaming recogniser."""
PARTIAL_EVERY = 5
"""Frames between two partials."""
TRANSCRIPT_S = 0.12
MODEL_S = 0.25
SPEECH_S = 0.1
"""From the end of the turn to its transcript, on to the first text, on to the first sound."""
TONE_HZ, TONE_PEAK = 330.0, 3000.0

Words = Callable[[float, float], str]
"""What the caller said between two moments, ms."""


class Agent:
    """Satisfies :class:`mediaserver.bridge.Bridge`. ``words`` and ``clock_ms`` belong to the caller's own sound.

    Partials come without punctuation, the final transcript as the script writes it.
    """

    def __init__(self, replies: Sequence[Reply], words: Words, clock_ms: Callable[[], float]) -> None:
        self._replies = replies
        self._words = words
        self._clock_ms = clock_ms
        self._answers = 0
        self._item: str | None = None
        self._since_ms = 0.0
        self._frames = 0
        self._shown = ""
        self._emit: Emit | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._making: dict[str, asyncio.Task[None]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """A chain whose turns the session takes."""
        return Capabilities(input_rate=RATE, output_rate=RATE)

    async def run(self, opening: Opening, emit: Emit, ready: Callable[[], None]) -> None:
        """Serve until cancelled."""
        self._emit = emit
        async with asyncio.TaskGroup() as self._tasks:
            ready()
            await asyncio.get_running_loop().create_future()

    def hear(self, pcm: bytes) -> None:
        """Tell from time to time what was understood so far."""
        self._frames += 1
        if self._item is None or self._frames % PARTIAL_EVERY:
            return
        text = _bare(self._words(self._since_ms, self._clock_ms() - PARTIAL_LAG_MS))
        if text != self._shown:
            self._shown = text
            self._say(TranscriptPartial(self._item, text))

    def send(self, command: Command) -> None:
        """Do what the session asks."""
        match command:
            case BeginSpeech(item_id=item):
                self._item, self._shown = item, ""
            case EndSpeech(item_id=item):
                self._start(self._write_down(item, self._take()))
            case DropSpeech():
                self._take()
            case Respond():
                self._making[command.response_id] = self._start(self._answer(command.response_id))
            case Interrupt(response_id=response_id):
                self._stop(response_id, command.reason)
            case _:
                pass

    def _take(self) -> str:
        """Return what was said since the turn before, and begin anew."""
        now = self._clock_ms()
        text = self._words(self._since_ms, now)
        self._item, self._since_ms = None, now
        return text

    def _stop(self, response_id: str, reason: str) -> None:
        making = self._making.pop(response_id, None)
        if making is not None:
            making.cancel()
        self._say(ResponseDone(response_id, "cancelled", reason))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        assert self._tasks is not None  # noqa: S101  # commands come after ready()
        return self._tasks.create_task(work)

    def _say(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    async def _write_down(self, item: str, text: str) -> None:
        await asyncio.sleep(TRANSCRIPT_S)
        self._say(TranscriptFinal(item, text))

    async def _answer(self, response_id: str) -> None:
        reply = self._replies[min(self._answers, len(self._replies) - 1)]
        self._answers += 1
        item = f"item_{response_id}"
        await asyncio.sleep(MODEL_S)
        self._say(ResponseCreated(response_id))
        self._say(TextDelta(response_id, item, reply.text))
        self._say(TextDone(response_id, item, reply.text))
        await asyncio.sleep(SPEECH_S)
        self._say(AudioDelta(response_id, item, tone(reply.seconds), reply.text))
        self._say(AudioDone(response_id, item))
        self._making.pop(response_id, None)
        self._say(ResponseDone(response_id))


def tone(seconds: float) -> bytes:
    """Return sound that no ear takes for silence: PCM16 at :data:`RATE`."""
    times = np.arange(round(seconds * RATE)) / RATE
    return bytes((TONE_PEAK * np.sin(2 * np.pi * TONE_HZ * times)).astype("<i2").tobytes())


def _bare(text: str) -> str:
    return " ".join(word.strip(".,;:!?").lower() for word in text.split())
