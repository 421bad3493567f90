"""What a client said at ``/start``, kept until its offer comes. Bounded; pure but for the clock."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediaserver.clock import Clock, monotonic
from mediaserver.errors import NotFound
from mediaserver.remember import remember

KEPT_S = 3600.0
MAX_VISITS = 1024


@dataclass(frozen=True, slots=True)
class Visit:
    """Whose it is, what was asked for, and when it is forgotten (monotonic seconds)."""

    owner: str
    wanted: Mapping[str, Any]
    until: float


class Visits:
    """All of one worker, whose ``mark`` their names bear; beyond ``most`` the oldest is forgotten."""

    def __init__(self, clock: Clock = monotonic, most: int = MAX_VISITS, mark: str = "") -> None:
        self._clock = clock
        self._most = most
        self._mark = mark
        self._kept: dict[str, Visit] = {}

    def begin(self, owner: str, wanted: Mapping[str, Any]) -> str:
        """Keep what was asked for and return the session's id."""
        name = f"{self._mark}{uuid.uuid4()}"
        remember(self._kept, name, Visit(owner, wanted, self._clock() + KEPT_S), self._most)
        return name

    def wanted(self, name: str, owner: str) -> Mapping[str, Any]:
        """Return what was asked for; it stays, for clients that call again. Raises NotFound, also for another's."""
        visit = self._kept.get(name)
        if visit is None or visit.owner != owner or visit.until <= self._clock():
            raise NotFound("there is no such session; POST /start makes one", code="session_not_found")
        return visit.wanted
