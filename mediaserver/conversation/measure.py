"""Where the time of one turn went. Pure: marks in, contiguous stages out."""

from __future__ import annotations

from typing import Literal

from mediaserver.events import Stage, TurnMeasured

Mark = Literal["committed", "transcript", "tool_called", "asked", "text", "audio"]
StageName = Literal["end_of_turn", "transcript", "model", "tool", "speech", "deliver"]

_ENDS: dict[Mark, StageName] = {
    "committed": "end_of_turn",  # since the last voiced sample
    "transcript": "transcript",
    "tool_called": "model",
    "asked": "tool",  # the tool's output is there and the model is asked again
    "text": "model",
    "audio": "speech",
}
_ONCE: frozenset[Mark] = frozenset({"text", "audio"})


class Stopwatch:
    """Follows one turn from the last voiced sample (or from the request for a reply) to the first packet of the answer.

    A turn with a tool has two stages named ``model``: to the call, and from its output to the first text.
    """

    def __init__(self, item_id: str, start: float) -> None:
        self.item_id = item_id
        self._start = start
        self._stages: list[Stage] = []
        self._marked: set[Mark] = set()
        self._done = False

    @property
    def now(self) -> float:
        """Where the last stage ended."""
        return self._stages[-1].end if self._stages else self._start

    def mark(self, mark: Mark, at: float) -> None:
        """Close the stage that this mark ends; marks that only count once are ignored when they come again."""
        if self._done or (mark in _ONCE and mark in self._marked):
            return
        if (mark == "asked" and "tool_called" not in self._marked) or (mark == "text" and "audio" in self._marked):
            return
        self._marked.add(mark)
        self._stages.append(Stage(_ENDS[mark], self.now, max(self.now, at)))

    def done(self, response_id: str, at: float) -> TurnMeasured | None:
        """The first packet of the answer left at ``at``: return the measurement, once."""
        if self._done:
            return None
        self._done = True
        stages = (*self._stages, Stage("deliver", self.now, max(self.now, at)))
        return TurnMeasured(self.item_id, response_id, stages)
