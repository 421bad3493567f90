"""A caller in virtual time: its microphone says what it is told, its loudspeaker plays in 20 ms steps and keeps count."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from mediaserver.caller import Listener, Played, Tap
from mediaserver.clock import FRAME_MS
from mediaserver.commands import Command
from mediaserver.errors import Hangup
from mediaserver.events import Event, PlayoutFinished, PlayoutStarted

E = TypeVar("E", bound=Event)


def tone(ms: int, rate: int = 16000, level_db: float = -20.0, hz: float = 200.0) -> bytes:
    """Sound that :class:`LoudIsVoice` takes for speech: a sine of this RMS level, PCM16 mono."""
    amplitude = 32768 * 10 ** (level_db / 20) * 2**0.5
    times = np.arange(rate * ms // 1000) / rate
    return bytes((amplitude * np.sin(2 * np.pi * hz * times)).astype("<i2").tobytes())


class LoudIsVoice:
    """A detector without opinions: everything that is not silent is voice (the level gate stands in front)."""

    def __init__(self, _rate: int = 16000, _threshold: float = 0.5) -> None:
        pass

    def voiced(self, frame: bytes) -> bool:
        return any(frame)


class FakeCaller:
    """Satisfies ``Caller``. ``events`` is all the client was told, ``log`` the same with the time of each.

    ``echo_loss_db``: how much weaker than played, and 200 ms later, the loudspeaker is heard by the microphone (``None``:
    not at all); both rates must then be the same.
    """

    def __init__(self, clock: Callable[[], float], call_id: str = "rtc_fake", *, mic: bool = True) -> None:
        self.id = call_id
        self.clock = clock
        self.mic = mic
        self.events: list[Event] = []
        self.log: list[tuple[float, Event]] = []
        self.played_out = bytearray()
        self.closed: list[str] = []
        self.running = False
        self.listener: Listener | None = None
        self.hear_rate = self.play_rate = 16000
        self.live = False
        self.hangup: asyncio.Future[Hangup] | None = None
        self.close_hangs = False
        self.echo_loss_db: float | None = None
        self._air: deque[bytes] = deque([b""] * 10, maxlen=10)
        self._saying: deque[bytes] = deque(maxlen=10000)
        self._queue: list[str] = []
        self._sound: dict[str, bytearray] = {}
        self._heard: dict[str, int] = {}
        self._complete: set[str] = set()
        self._paused = False

    # --- what a test does with it ---

    async def say(self, ms: int, level_db: float = -20.0) -> None:
        """Speak for so long, then return; the microphone is silent otherwise."""
        self.say_soon(tone(ms, self.hear_rate, level_db))
        await asyncio.sleep(ms / 1000)

    def say_soon(self, pcm: bytes) -> None:
        """Queue sound for the microphone."""
        size = self.hear_rate * FRAME_MS // 1000 * 2
        self._saying.extend(pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size))

    def stop_saying(self) -> None:
        """Fall silent at once."""
        self._saying.clear()

    def ask(self, command: Command) -> None:
        """Send a client's command."""
        assert self.listener is not None
        self.listener.ask(command)

    def hang_up(self, reason: str = "client_closed") -> None:
        """Make :meth:`run` raise."""
        assert self.hangup is not None
        self.hangup.set_result(Hangup(reason))

    def told(self, kind: type[E]) -> list[E]:
        """Return the events of one kind that the client was told."""
        return [event for event in self.events if isinstance(event, kind)]

    def names(self, *leave_out: type[Event]) -> list[str]:
        """Return the names of what was told, in order."""
        return [type(event).__name__ for event in self.events if not isinstance(event, leave_out)]

    async def until(self, kind: type[E], count: int = 1, within_s: float = 30.0) -> E:
        """Wait in virtual time until so many events of a kind were told; return the last of them."""
        async with asyncio.timeout(within_s):
            while len(self.told(kind)) < count:
                await asyncio.sleep(0.005)
        return self.told(kind)[count - 1]

    # --- Caller ---

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool, tap: Tap | None = None) -> None:
        self.listener, self.hear_rate, self.play_rate, self.live = listener, hear_rate, play_rate, live
        self.tap = tap

    def play(self, item_id: str, pcm: bytes) -> None:
        if item_id not in self._sound:
            self._queue.append(item_id)
            self._sound[item_id] = bytearray()
        self._sound[item_id] += pcm

    def finish(self, item_id: str) -> None:
        self._complete.add(item_id)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def clear(self) -> tuple[Played, ...]:
        gone = tuple(Played(item_id, self.played(item_id)) for item_id in self._queue)
        self._queue.clear()
        return gone

    def played(self, item_id: str) -> int:
        return self._heard.get(item_id, 0) * 1000 // (2 * self.play_rate)

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self.log.append((self.clock(), event))

    async def run(self) -> None:
        self.hangup = asyncio.get_running_loop().create_future()
        self.running = True
        start, frames = self.clock(), 0
        try:
            while not self.hangup.done():
                self._tick()
                frames += 1
                await asyncio.wait([self.hangup], timeout=max(0.0, start + frames * FRAME_MS / 1000 - self.clock()))
            raise self.hangup.result()
        finally:
            self.running = False

    async def close(self, reason: str) -> None:
        self.closed.append(reason)
        if self.close_hangs:
            await asyncio.sleep(3600)

    # --- its clock ---

    def _tick(self) -> None:
        assert self.listener is not None
        silence = bytes(self.hear_rate * FRAME_MS // 1000 * 2)
        if self.mic:
            own = self._saying.popleft() if self._saying else silence
            self.listener.hear(self._with_echo(own), self.clock())
        played = len(self.played_out)
        if not self._paused and self._queue:
            self._pull(self._queue[0])
        self._air.append(bytes(self.played_out[played:]))

    def _with_echo(self, own: bytes) -> bytes:
        echo = self._air[0]
        if self.echo_loss_db is None or len(echo) != len(own):
            return own
        weak = np.frombuffer(echo, "<i2") * 10 ** (-self.echo_loss_db / 20)
        return bytes(np.clip(np.frombuffer(own, "<i2") + weak, -32768, 32767).astype("<i2").tobytes())

    def _pull(self, item_id: str) -> None:
        assert self.listener is not None
        size, position = self.play_rate * FRAME_MS // 1000 * 2, self._heard.get(item_id, 0)
        frame = bytes(self._sound[item_id][position : position + size])
        if len(frame) == size or (frame and item_id in self._complete):
            self.played_out += frame
            self._heard[item_id] = position + len(frame)
            if position == 0:
                self.listener.note(PlayoutStarted(item_id, self.clock()))
        if item_id in self._complete and self._heard.get(item_id, 0) >= len(self._sound[item_id]):
            self._queue.remove(item_id)
            self.listener.note(PlayoutFinished(item_id, self.played(item_id), self.clock()))
