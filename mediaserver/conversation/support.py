"""What a session may draw on besides its caller and its route: all optional, all shared with other sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mediaserver.bridge import Bridge
from mediaserver.conversation.leg import Place
from mediaserver.conversation.phrases import Phrases
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


@dataclass(frozen=True, slots=True)
class Support:
    """``apology`` is said when no provider is left, ``moment`` when one takes its time; both are texts of ``phrases``."""

    health: Health | None = None
    steadiness: Steadiness = field(default_factory=Steadiness)
    tools: Tools | None = None
    filler: ToolFiller | None = None
    phrases: Phrases | None = None
    apology: str = ""
    moment: str = ""


def places_of(route: Bridge | Sequence[Place]) -> tuple[Sequence[Place], Bridge]:
    """Return the route and the first bridge of it; one bridge alone is a route of one place that cannot be made again."""
    if isinstance(route, Sequence):
        return route, route[0].make()
    return (Place("model", lambda: route),), route
