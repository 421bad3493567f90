"""What a session may draw on besides its caller and its route: all optional, all shared with other sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mediaserver.bridge import Bridge, Feature, Remember
from mediaserver.conversation.leg import Place
from mediaserver.conversation.phrases import Phrases
from mediaserver.conversation.quieting import Quiet, Quieter
from mediaserver.conversation.record import CallRecord
from mediaserver.conversation.route import Health
from mediaserver.conversation.steadiness import Steadiness
from mediaserver.toolbox import Tools
from mediaserver.toolconfig import ToolFiller


class Once:
    """Satisfies :class:`mediaserver.conversation.route.Health` for a bridge that cannot be made again: one try, no other."""

    def __init__(self) -> None:
        self._tried = False

    def allow(self, _key: tuple[str, str], _now: float, *, again: bool = False) -> bool:
        """Say whether a request may be sent: the first one."""
        tried, self._tried = self._tried, True
        return not tried and not again

    def succeeded(self, _key: tuple[str, str], _now: float) -> None:
        """Nobody else wants to know."""

    def failed(self, _key: tuple[str, str], _code: str, _now: float) -> None:
        """Nobody else wants to know."""


class Tape(Protocol):
    """Records one call: plain calls that never block; times are monotonic seconds."""

    @property
    def missing_ms(self) -> int:
        """Milliseconds that were not written."""
        ...

    @property
    def failed(self) -> bool:
        """Whether the recording broke off."""
        ...

    def heard(self, pcm: bytes, at: float) -> None:
        """Record what came from the caller."""
        ...

    def played(self, pcm: bytes, at: float) -> None:
        """Record what the caller begins to hear."""
        ...

    def end(self, at: float) -> None:
        """The call is over."""
        ...


BeginTape = Callable[[str, int, int, float], Tape]
"""Begins the recording of a call: its name, both rates (Hz), and when it began."""


@dataclass(frozen=True, slots=True)
class Support:
    """``apology`` is said when no provider is left, ``moment`` when one takes its time; both are texts of ``phrases``.

    ``remember`` is for the calls of one tenant only.
    """

    health: Health | None = None
    steadiness: Steadiness = field(default_factory=Steadiness)
    tools: Tools | None = None
    filler: ToolFiller | None = None
    phrases: Phrases | None = None
    apology: str = ""
    moment: str = ""
    begin_tape: BeginTape | None = None
    remember: Remember | None = None
    quiet: Quiet | None = None

    def quieter(self, rate: int, can: frozenset[Feature]) -> Quieter:
        """Return what the caller's frames go through first; ``can``: what the provider does by itself."""
        return Quieter(self.quiet, rate, can)

    def tape(self, name: str, hear_rate: int, play_rate: int, began: float) -> Tape | None:
        """Return what records this call, if it is recorded."""
        return None if self.begin_tape is None else self.begin_tape(name, hear_rate, play_rate, began)


def end_tape(tape: Tape | None, record: CallRecord, at: float) -> None:
    """End the recording of a call, if there is one, and write down what is known of it by now."""
    if tape is not None:
        tape.end(at)
        record.note("recorded", missing_ms=tape.missing_ms, failed=tape.failed)


def places_of(route: Bridge | Sequence[Place]) -> tuple[Sequence[Place], Bridge]:
    """Return the route and the first bridge of it; one bridge alone is a route of one place that cannot be made again."""
    if isinstance(route, Sequence):
        return route, route[0].make()
    return (Place("model", lambda: route),), route
