"""A memory with a bound: names and what belongs to them, the oldest forgotten first."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def remember(kept: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep a value; beyond ``most`` the keys that came first are forgotten. One that is kept already stays in its place."""
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]
