"""The bounds of one session."""

from __future__ import annotations

from dataclasses import dataclass

from mediaserver.clock import after


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one session; times in seconds, ``None`` for no limit.

    ``idle_s``: nobody spoke, typed or was spoken to. ``connect_s``: the bridge has this long to become ready, and that much
    of the caller's first words is kept meanwhile (at most 15 s of sound).
    """

    max_duration_s: float | None = 3600.0
    idle_s: float | None = 300.0
    connect_s: float = 15.0
    max_items: int = 2000
    max_text_bytes: int = 1 << 20

    def due(self, started_at: float, active_at: float | None) -> tuple[float | None, float | None]:
        """Return when a session lasts too long and when it was idle too long; ``active_at`` None: it is never idle."""
        return after(started_at, self.max_duration_s), after(active_at, self.idle_s)
