"""Time and names, injected so that every policy can be tested in virtual time.

All times inside the server are monotonic seconds (``float``) from one clock per process; wall time appears only at the
edges (logs, ``expires_at``).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns monotonic seconds."""

monotonic: Clock = time.monotonic

FRAME_MS = 20
"""One frame of audio everywhere between the wire and the bridge, in milliseconds."""

FRAME_S = FRAME_MS / 1000
""":data:`FRAME_MS` in seconds."""


def new_id(prefix: str) -> str:
    """Return an unguessable name such as ``item_9f…`` (96 bits after the prefix)."""
    return f"{prefix}_{secrets.token_hex(12)}"


def earliest(*moments: float | None) -> float | None:
    """Return the first of these moments, ``None`` when there is none: what a state machine is to be woken for."""
    return min((moment for moment in moments if moment is not None), default=None)


def after(moment: float | None, seconds: float | None) -> float | None:
    """Return the moment so many seconds later, ``None`` where there is none, or no limit."""
    return None if moment is None or seconds is None else moment + seconds
