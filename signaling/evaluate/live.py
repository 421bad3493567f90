"""A call over real WebRTC in real time: the same score, with stock aiortc as the client.

WebRTC because only there the server falls silent by itself: over a WebSocket the client plays, and how fast a reply stops
or goes on would be the client's own doing. The client's buffer makes the first sound of a reply about 80 ms later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack
from av import AudioFrame

from mediaserver.clock import FRAME_MS
from signaling.evaluate.ear import Ear
from signaling.evaluate.noise import RATE
from signaling.evaluate.player import Player
from signaling.evaluate.score import Score
from signaling.evaluate.take import Seen, Take, What
from signaling.headless.call import EVENTS, Call, CallFailed, Target, open_call

OPENING_S = 3.0
TICK_S = 0.02


class Microphone(MediaStreamTrack):
    """Plays the score at the pace of a real microphone: a frame is there when all of it has been said."""

    kind = "audio"

    def __init__(self, player: Player) -> None:
        super().__init__()
        self.began: float | None = None
        self._player = player
        self._frames = 0
        self._playing = False

    def play(self) -> None:
        """Begin the score with the next frame; until then there is silence."""
        self._playing = True

    async def recv(self) -> AudioFrame:
        """Return the next frame when it is due."""
        if self._frames == 0:
            self._start = time.monotonic()
        self._frames += 1
        due = self._start + self._frames * FRAME_MS / 1000
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if self._playing and self.began is None:
            self.began = due - FRAME_MS / 1000
        samples = np.zeros(RATE * FRAME_MS // 1000, np.int16) if self.began is None else self._player.pull()
        frame = AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = (self._frames - 1) * len(samples)
        return frame


class LiveCall:
    """One call. ``detection`` is put into force first, as ``audio.input.turn_detection`` of the contract."""

    def __init__(self, target: Target, score: Score, detection: Mapping[str, Any] | None = None) -> None:
        self._target = target
        self._detection = detection
        self._player = Player(score)
        self._microphone = Microphone(self._player)
        self._ear = Ear(self._player.reply)
        self._opened = asyncio.Event()
        self._lost = ""
        self.take = Take(score.script, self._player.said, self._player.unsaid)

    async def run(self) -> Take:
        """Hold the call and return what happened. Raises CallFailed."""
        async with open_call(
            self._target, self._microphone, hear=self._hear, receive=self._receive, state=self._state
        ) as call:
            await self._begin(call)
            while not self._player.over and not self.take.problem:
                await asyncio.sleep(TICK_S)
                self._ear.tick(self._now_ms())
                if self._lost:
                    raise CallFailed(f"the connection was lost: {self._lost}")
        self.take.reply = self._ear.spans
        return self.take

    async def _begin(self, call: Call) -> None:
        try:
            async with asyncio.timeout(OPENING_S):
                await self._opened.wait()
        except TimeoutError:
            self._opened.set()  # a server that says nothing is spoken to all the same
        if self._detection is not None:
            audio = {"input": {"turn_detection": dict(self._detection)}}
            call.send({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
        self._microphone.play()

    def _now_ms(self) -> float:
        began = self._microphone.began
        return 0.0 if began is None else (time.monotonic() - began) * 1000

    def _hear(self, frame: AudioFrame) -> None:
        channels = len(frame.layout.channels)
        samples = frame.to_ndarray().reshape(-1)[: frame.samples * channels].reshape(-1, channels)[:, 0]
        if self._microphone.began is not None:
            self._ear.hear(samples.astype(np.int16), self._now_ms(), frame.samples * 1000 / frame.sample_rate)

    def _receive(self, channel: str, event: dict[str, Any]) -> None:
        row = _SEEN.get((channel == EVENTS, str(event.get("type"))))
        if event.get("type") == "session.created":
            self._opened.set()
        elif row is not None:
            what, facts = row
            self.take.seen.append(Seen(self._now_ms(), what, facts(event)))
            if what == "ended":
                self.take.problem = f"the server ended the call: {event.get('reason')}"

    def _state(self, state: str) -> None:
        if state == "failed":
            self._lost = state


def _nothing(_event: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _stages(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"stages": [(one["name"], one["end_ms"] - one["start_ms"]) for one in event.get("stages", ())]}


_SEEN: dict[tuple[bool, str], tuple[What, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    (True, "input_audio_buffer.speech_started"): ("started", _nothing),
    (True, "input_audio_buffer.speech_stopped"): ("stopped", _nothing),
    (True, "input_audio_buffer.committed"): ("committed", _nothing),
    (True, "conversation.item.input_audio_transcription.completed"): (
        "transcript",
        lambda event: {"text": event.get("transcript", "")},
    ),
    (True, "response.created"): ("created", _nothing),
    (True, "output_audio_buffer.cleared"): ("cleared", _nothing),
    (True, "error"): ("problem", lambda event: {"text": event.get("error", {}).get("message", "")}),
    (False, "reply.paused"): ("paused", _nothing),
    (False, "reply.resumed"): ("resumed", _nothing),
    (False, "interrupted"): ("interrupted", _nothing),
    (False, "turn"): ("turn", _stages),
    (False, "ended"): ("ended", lambda event: {"reason": event.get("reason", "")}),
}
"""Events of the contract and of the extension channel, and what they are to us."""
