"""Who calls, and what it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client secret narrows beyond the rights of the key that made it; ``None`` for no limit of its own.

    ``secret`` names the secret without being it. ``voices``: the first is the default. ``tools`` are names of functions.
    ``session`` is what the door baked in, in the door's own form. Limits on cost belong here too, once calls are metered:
    a sum in micro-units beside ``max_duration_s``.
    """

    secret: str
    max_duration_s: float | None = None
    voices: tuple[str, ...] | None = None
    tools: frozenset[str] | None = None
    session: Any = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. ``models`` and ``origins``: ``None`` for any; ``grant`` where it holds a client secret only.

    ``memory``: personas may know its callers again; ``caller``: who is at the other end, in the words of whoever holds the
    key, empty for nobody known.
    """

    name: str
    scopes: frozenset[str]
    models: frozenset[str] | None = None
    origins: frozenset[str] | None = None
    grant: Grant | None = None
    memory: bool = False
    caller: str = ""
