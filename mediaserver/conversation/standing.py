"""How a talk stands, as changes for :class:`mediaserver.conversation.continuity.Continuity`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mediaserver.conversation import steps
from mediaserver.conversation.talk import Owes


class Standings(Protocol):
    """The part of a talk that tells how it stands."""

    @property
    def owes(self) -> Owes:
        """What is to come from the provider."""
        ...

    @property
    def speaking(self) -> bool:
        """The caller speaks."""
        ...

    @property
    def idle(self) -> bool:
        """Nobody speaks, and no reply is being made or played."""
        ...


class Standing:
    """Remembers what was said last."""

    def __init__(self) -> None:
        self._last: tuple[Owes, bool, bool, bool] = ("nothing", False, False, False)

    def changes(self, talk: Standings, tools: bool) -> list[steps.Happening]:
        """Return what has changed since the last call; ``tools``: a function's output is waited for."""
        now = (talk.owes, talk.speaking, tools, talk.idle and not tools)
        if now == self._last:
            return []
        before, self._last = self._last, now
        return [step(new) for old, new, step in zip(before, now, _STEPS, strict=True) if old != new]


_OWES: dict[Owes, Callable[[], steps.Happening]] = {
    "due": steps.ReplyDue,
    "making": steps.ReplyBegan,
    "nothing": steps.ReplyOver,
}
_STEPS: tuple[Callable[[Any], steps.Happening], ...] = (
    lambda owes: _OWES[owes](),
    steps.CallerSpeaking,
    lambda busy: steps.Tools(int(busy)),
    steps.Quiet,
)
