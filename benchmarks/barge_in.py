"""How soon an agent falls silent when its caller speaks: a whole call over WebRTC, in fair weather and in a bad one.

Measured at the caller, from the first voiced sample that it says to the last packet with sound that reaches it. The agent is
scripted and answers with a tone; turns, the loudspeaker and the media path are those of the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.client import Packet
from benchmarks.promises import Line, percentile
from benchmarks.sound import Ear
from benchmarks.turn_ends import sentences
from mediaserver.audio.opus import OpusEncoder, OpusSettings
from mediaserver.conversation.session import Session
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort, MediaSettings
from mediaserver.settings import Settings
from signaling.evaluate.agent import Agent
from signaling.evaluate.noise import RATE
from signaling.evaluate.script import Reply
from tests.rtc.clients import media_port
from tests.servers.lean_call import HOST, LeanCall, lean_call
from tests.servers.udp_impair import Weather

BAD = Weather(loss=0.05, jitter_ms=100, reorder=0.05, duplicate=0.05)
FRAME = RATE // 50
LISTENS_S = (1.2, 2.0)
"""The caller listens for so long to an answer before it speaks into it: at least, at most."""
ANSWER_S = 10.0
"""An answer has come by then, or has ended."""
QUIET_S = 0.4
"""The agent is silent when no sound has come for so long: longer than any packet is late."""
AUDIBLE = 0.003
"""-50 dBFS: weaker is silence or what a codec leaves."""
LIMIT_MS = 300
MISSED_S = 5.0
"""An agent that still speaks after so long was not interrupted."""
LATE_S = 0.06
"""A frame that leaves so much too late says that this machine was busy with something else: server and caller share it."""


async def barge_in(seconds: float) -> AsyncIterator[Line]:
    """Speak into answers, for so long in each weather."""
    words = sentences()  # spoken before the calls: that takes a while
    for name, weather in (("fair weather", Weather()), ("N4: loss 5%, jitter 100 ms, reorder, duplicate 5%", BAD)):
        tries, trip = await interrupted(weather, words, seconds)
        times = [each.ms for each in tries if not each.disturbed]
        said = f"p50 {percentile(times, 0.5):.0f} ms, p95 {percentile(times, 0.95):.0f} ms of {len(times)}"
        said += f", RTT {trip:.0f} ms"
        if disturbed := len(tries) - len(times):
            said += f" ({disturbed} more while the machine itself was late)"
        kept = bool(times) and percentile(times, 0.95) <= LIMIT_MS + trip
        yield Line(f"barge-in, {name}", "silent at the caller ≤ 300 ms + RTT (p95)", said, kept)


@dataclass(frozen=True, slots=True)
class Try:
    """One interruption: after how many ms the agent was silent, and whether this process was held up meanwhile."""

    ms: float
    disturbed: bool


async def interrupted(weather: Weather, words: Sequence[NDArray[np.int16]], seconds: float) -> tuple[list[Try], float]:
    """Say these for so long, the first as a question; return how it went each time, and the line's round trip in ms."""
    async with media_port(MediaSettings(addresses=(HOST,))) as port, talk(port, weather) as caller:
        until, listens, tries = time.monotonic() + seconds, np.random.default_rng(1), list[Try]()
        await caller.say(words[0])
        while time.monotonic() < until:
            await caller.until_sound()
            await caller.listen(float(listens.uniform(*LISTENS_S)))
            tries.append(await caller.say(words[len(tries) % len(words)]))
        return tries, caller.trip_ms


class Talker:
    """A caller that speaks in real time and hears when there is sound."""

    def __init__(self, call: LeanCall, encoder: OpusEncoder) -> None:
        self._call = call
        self._encoder = encoder
        self._ear = Ear()
        self._read = 0
        self._sound_at = 0.0
        self._late = 0
        self._due = time.perf_counter()
        self._room = np.random.default_rng(1)

    @property
    def trip_ms(self) -> float:
        """What the line itself takes both ways: the median of each added."""
        proxy = self._call.proxy
        return 0.0 if proxy is None else sum(percentile(way.held, 0.5) for way in (proxy.up, proxy.down)) * 1000

    async def say(self, samples: NDArray[np.int16]) -> Try:
        """Say this, listen until the agent is silent, and return how long after the first sample that was."""
        began, late, silent = self._due, self._late, None
        for place in range(0, len(samples), FRAME):
            await self._frame(samples[place : place + FRAME])
            silent = silent or self._silent_since(began)
        while silent is None and self._due - began < MISSED_S:
            await self._frame()
            silent = self._silent_since(began)
        return Try(((silent or began + MISSED_S) - began) * 1000, self._late > late)

    async def listen(self, seconds: float) -> None:
        """Say nothing for so long."""
        for _ in range(round(seconds * 50)):
            await self._frame()

    async def until_sound(self) -> None:
        """Wait for an answer. Raises TimeoutError when none comes."""
        before = time.perf_counter()
        while self._sound_at < before:
            await self._frame()
            if time.perf_counter() - before > ANSWER_S:
                raise TimeoutError("the agent does not answer")

    def _silent_since(self, began: float) -> float | None:
        """Return when the last sound came, not before ``began``, once nothing has followed for long enough."""
        last = max(self._sound_at, began)
        return last if self._due - last > QUIET_S else None

    async def _frame(self, samples: NDArray[np.int16] | None = None) -> None:
        """Send 20 ms when they have been said, and hear what has come."""
        sound = self._room.integers(-4, 5, FRAME).astype(np.int16)
        if samples is not None:
            sound[: len(samples)] += samples
        self._due += 0.02
        await asyncio.sleep(max(0.0, self._due - time.perf_counter()))
        self._late += time.perf_counter() - self._due > LATE_S
        caller = self._call.caller
        caller.send(self._encoder.encode(sound.tobytes()))
        if time.perf_counter() >= caller.due:
            caller.tick(time.perf_counter())
        new, self._read = caller.packets[self._read :], len(caller.packets)
        for packet in new:
            self._hear(packet)

    def _hear(self, packet: Packet) -> None:
        if self._ear.level(packet.payload) > AUDIBLE:
            self._sound_at = max(self._sound_at, packet.at)


@asynccontextmanager
async def talk(port: MediaPort, weather: Weather) -> AsyncIterator[Talker]:
    """Call an agent through this weather."""
    encoder = OpusEncoder(RATE, OpusSettings(fec=True))
    encoder.expect_loss(round(weather.loss * 100))
    try:
        async with lean_call(port, Weather(), serve=answered) as call:
            assert call.proxy is not None  # asked for with a weather
            call.proxy.set_weather(weather)
            yield Talker(call, encoder)
    finally:
        encoder.close()


@asynccontextmanager
async def answered(peer: Peer) -> AsyncIterator[None]:
    """Let the scripted agent answer a peer."""
    agent = Agent([Reply(seconds=30)], lambda _since, _until: "and now something else", time.monotonic)
    session = Session("sess_barge_in", peer, agent, Settings("scripted"))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(session.run())
        try:
            yield
        finally:
            session.end("client_closed")
            await running
