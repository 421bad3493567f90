"""When the headless caller speaks: its turns one after the other, or into the answer where a barge-in is asked for.

Pure: what happens and ``now`` (monotonic seconds) go in, what to do comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

SETTLE_S = 0.8
"""A turn is over when nothing has happened on either side for this long after its answer."""

OPEN_S = 3.0
"""The same while a response is still open: an echo's is open for the whole call."""


@dataclass(slots=True)
class Turn:
    """One thing to say. ``barge_in`` is in seconds after the start of the answer before; ``expect`` is what it says."""

    kind: Literal["wav", "text"]
    content: str
    barge_in: float | None = None
    expect: str | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """Say this turn now."""

    index: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """All turns are over."""


Action = Say | HangUp


class Script:
    """The caller's part of the conversation.

    It is told of the server's events (``event``), of what reaches the ear (``sound``), and when its own words have left
    (``said``); ``tick`` is due at ``deadline``.
    """

    def __init__(self, turns: list[Turn], *, answer_timeout_s: float = 20.0, settle_s: float = SETTLE_S) -> None:
        self._turns = turns
        self._timeout = answer_timeout_s
        self._settle = settle_s
        self._index = -1
        self._saying = False
        self._responses: set[str] = set()
        self._playing = False
        self._sounding = False
        self._listening = False
        self._answered = False
        self._fresh = False  # a sound began in this turn; what still sounds from the turn before is no answer to it
        self._answer_at: float | None = None
        self._said_at = 0.0
        self._quiet_since = 0.0
        self._over = False

    @property
    def index(self) -> int:
        """The turn that is being said or answered; -1 before the first."""
        return self._index

    @property
    def answered(self) -> bool:
        """The current turn's answer has begun."""
        return self._answered

    def start(self, now: float) -> list[Action]:
        """The call is up: say the first turn."""
        return self._next(now)

    def said(self, now: float) -> list[Action]:
        """The current turn's last word has left."""
        self._saying, self._said_at, self._quiet_since = False, now, now
        if self._fresh and (self._sounding or self._playing):  # it began while we spoke: an echo, or a short patience
            self._answer_started(now)
        return self.tick(now)

    def sound(self, audible: bool, now: float) -> list[Action]:
        """The answer became audible or silent."""
        self._sounding = audible
        if audible:
            self._answer_started(now)
        return self._moved(now)

    def event(self, event: Mapping[str, Any], now: float) -> list[Action]:
        """Take one event of the server."""
        row = _ROWS.get(str(event.get("type")))
        if row is not None:
            row(self, event, now)
        return self._moved(now) if row is not None else self.tick(now)

    def tick(self, now: float) -> list[Action]:
        """Go on when it is time to."""
        deadline = self.deadline
        return self._next(now) if deadline is not None and now >= deadline else []

    @property
    def deadline(self) -> float | None:
        """When something is due if nothing else happens, in monotonic seconds."""
        if self._index < 0 or self._saying or self._over:
            return None
        times = [self._said_at + self._timeout]
        if self._answered and not self._sounds:
            times.append(self._quiet_since + (OPEN_S if self._responses else self._settle))
        if self._barge_in is not None and self._answer_at is not None:
            times.append(max(self._answer_at + self._barge_in, self._said_at))
        return min(times)

    @property
    def _sounds(self) -> bool:
        return self._playing or self._sounding or self._listening

    @property
    def _barge_in(self) -> float | None:
        following = self._turns[self._index + 1 : self._index + 2]
        return following[0].barge_in if following else None

    def _next(self, now: float) -> list[Action]:
        if self._over:
            return []
        if self._index + 1 >= len(self._turns):
            self._over = True
            return [HangUp()]
        self._index += 1
        self._saying, self._answered, self._answer_at, self._said_at = True, False, None, now
        self._fresh = False
        return [Say(self._index)]

    def _moved(self, now: float) -> list[Action]:
        self._quiet_since = now
        return self.tick(now)

    def _answer_started(self, now: float) -> None:
        self._fresh = True
        if not self._saying:
            self._answered = True
            self._answer_at = now if self._answer_at is None else self._answer_at

    def _speech(self, event: Mapping[str, Any], now: float) -> None:
        self._listening = event["type"].endswith("started")

    def _response_created(self, event: Mapping[str, Any], now: float) -> None:
        self._responses.add(_response_id(event))

    def _response_done(self, event: Mapping[str, Any], now: float) -> None:
        self._responses.discard(_response_id(event))
        response = event.get("response", {})
        spoke = any(item.get("type") == "message" for item in response.get("output", ()))
        if response.get("status") == "completed" and spoke and not self._saying:
            self._answered = True

    def _output_started(self, event: Mapping[str, Any], now: float) -> None:
        self._playing = True
        self._answer_started(now)

    def _output_stopped(self, event: Mapping[str, Any], now: float) -> None:
        self._playing = False


def _response_id(event: Mapping[str, Any]) -> str:
    return str(event.get("response", {}).get("id"))


_ROWS = {
    "input_audio_buffer.speech_started": Script._speech,
    "input_audio_buffer.speech_stopped": Script._speech,
    "response.created": Script._response_created,
    "response.done": Script._response_done,
    "output_audio_buffer.started": Script._output_started,
    "output_audio_buffer.stopped": Script._output_stopped,
    "output_audio_buffer.cleared": Script._output_stopped,
}
