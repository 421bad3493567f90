"""What the cache did, counted for ``/metrics``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts since the start. Of tiers by their names: ``memory``, ``disk``, ``redis``.

    ``hits`` were answered from a tier, ``misses`` by the engine, ``shared`` by another's request on its way. ``dropped``:
    not written, since the tiers were slower than what came.
    """

    hits: Counter[str] = field(default_factory=Counter)
    misses: int = 0
    shared: int = 0
    evictions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
