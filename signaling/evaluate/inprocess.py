"""A call without a network: a score, a session and the scripted agent in one process and in virtual time.

What is measured is how turns are taken: there is no line, no codec and no engine. Every run of a script is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from mediaserver.audio.detectors import detector
from mediaserver.audio.judge import Model
from mediaserver.audio.playout import Playout
from mediaserver.audio.smartturn import find_end_model
from mediaserver.audio.speaker import Speaker
from mediaserver.audio.vad import MakeVoice, WebRtcVoice
from mediaserver.bridge import Capabilities
from mediaserver.caller import Listener, Tap
from mediaserver.clock import FRAME_MS, Clock
from mediaserver.config import Config
from mediaserver.conversation.session import Session
from mediaserver.conversation.support import Support
from mediaserver.errors import ConfigError, Hangup
from mediaserver.events import (
    Event,
    InputCommitted,
    Interrupted,
    OutputCleared,
    Problem,
    ReplyPaused,
    ReplyResumed,
    ResponseCreated,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
    TranscriptFinal,
    TurnMeasured,
)
from mediaserver.settings import Settings, TurnDetection
from signaling.door import Way
from signaling.evaluate import virtual
from signaling.evaluate.agent import Agent
from signaling.evaluate.ear import Ear
from signaling.evaluate.player import Player
from signaling.evaluate.score import Score
from signaling.evaluate.take import Seen, Take, What
from signaling.realtime.opening import defaults


class VirtualCaller(Speaker):
    """Satisfies :class:`mediaserver.caller.Caller`: plays the score into the session and listens to its loudspeaker.

    A frame is given to the session when all of it has been said; what the loudspeaker gives is heard at once.
    """

    def __init__(self, player: Player, clock: Clock) -> None:
        self.id = "rtc_evaluate"
        self.seen: list[Seen] = []
        self.ear = Ear(player.reply)
        self._player = player
        self._clock = clock
        self._began = clock()
        self._listener: Listener | None = None
        self._playout: Playout | None = None

    @property
    def now_ms(self) -> float:
        """Milliseconds since the first sample."""
        return round((self._clock() - self._began) * 1000, 3)

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool, tap: Tap | None = None) -> None:
        """Say who listens; nobody records a rehearsal."""
        self._listener = listener
        self._playout = Playout(play_rate, listener.note, live=live)

    async def run(self) -> None:
        """Play to the end of the score and hang up."""
        frames = 0
        while not self._player.over:
            frames += 1
            await asyncio.sleep(self._began + frames * FRAME_MS / 1000 - self._clock())
            self._tick(frames * float(FRAME_MS))
        raise Hangup("client_closed")

    def _tick(self, at_ms: float) -> None:
        assert self._listener is not None  # noqa: S101  # attached before it runs
        now = self._clock()
        self._listener.hear(self._player.pull().tobytes(), now)
        frame = self.playout().pull(now)
        sound = (
            frame if isinstance(frame, bytes) else b""
        )  # nobody gives it packets: it does not say that it takes them
        self.ear.hear(np.frombuffer(sound, np.int16), at_ms, FRAME_MS)

    def playout(self) -> Playout:
        """Return the queue; there is one once a session is attached."""
        assert self._playout is not None  # noqa: S101  # attached before anything is played
        return self._playout

    def tell(self, event: Event) -> None:
        """Note what is told."""
        row = _SEEN.get(type(event))
        if row is not None:
            what, facts = row
            self.seen.append(Seen(self.now_ms, what, facts(event)))

    async def close(self, reason: str) -> None:
        """There is nothing to close."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How turns are taken: when they end, what tells voice from other sound, and what hears their end."""

    detection: TurnDetection = field(default_factory=TurnDetection)
    make_voice: MakeVoice = WebRtcVoice
    end_model: Model | None = None


class PromptJudge:
    """Satisfies :class:`mediaserver.conversation.judging.Asks`: the model always takes ``ANSWER_S`` of the virtual time."""

    ANSWER_S = 0.1

    def __init__(self, model: Model) -> None:
        self._model = model

    def ask(self, pcm: bytes, answered: Callable[[float], None]) -> None:
        """Ask now, and answer then."""
        asyncio.get_running_loop().call_later(self.ANSWER_S, answered, self._model(pcm))


def policy_of(config: Config, kind: Literal["server_vad", "semantic_vad"] | None = None) -> Policy:
    """Return what a server with this configuration does, or would do with the other ``kind``. Raises ConfigError."""
    nobody = Way((), Capabilities(), Support())
    detection = defaults(config, config.default_model, nobody).turn_detection
    if kind is not None:
        detection = replace(detection or TurnDetection(), kind=kind)
    if detection is None:
        raise ConfigError("turns.detection", "it is off: the client ends its turns, and there is nothing to evaluate")
    return Policy(detection, detector(config.turns), find_end_model(config.turns))


def rehearse(score: Score, policy: Policy | None = None) -> Take:
    """Hold the call in virtual time and return what happened."""
    return virtual.run(_call(score, policy or Policy()))


async def _call(score: Score, policy: Policy) -> Take:
    player = Player(score)
    caller = VirtualCaller(player, virtual.now)
    agent = Agent(score.script.replies, player.words, lambda: caller.now_ms)
    settings = Settings("scripted", turn_detection=policy.detection)
    judge = None if policy.end_model is None else PromptJudge(policy.end_model)
    make_voice = policy.make_voice
    session = Session("sess_evaluate", caller, agent, settings, clock=virtual.now, make_voice=make_voice, judge=judge)
    ended = await session.run()
    problem = "" if ended.reason == "client_closed" else f"the session ended: {ended.reason}"
    return Take(score.script, player.said, player.unsaid, caller.ear.spans, caller.seen, problem)


def _nothing(_event: Any) -> dict[str, Any]:
    return {}


def _stages(event: TurnMeasured) -> dict[str, Any]:
    return {"stages": [(stage.name, round((stage.end - stage.start) * 1000, 3)) for stage in event.stages]}


_SEEN: dict[type[Event], tuple[What, Callable[[Any], dict[str, Any]]]] = {
    SpeechStarted: ("started", _nothing),
    SpeechStopped: ("stopped", _nothing),
    InputCommitted: ("committed", _nothing),
    TranscriptFinal: ("transcript", lambda event: {"text": event.text}),
    ResponseCreated: ("created", _nothing),
    ReplyPaused: ("paused", _nothing),
    ReplyResumed: ("resumed", _nothing),
    Interrupted: ("interrupted", _nothing),
    OutputCleared: ("cleared", _nothing),
    TurnMeasured: ("turn", _stages),
    Problem: ("problem", lambda event: {"text": event.message}),
    SessionEnded: ("ended", lambda event: {"reason": event.reason}),
}
