"""Which words of a hypothesis may be relied on: those that stood unchanged for a while. Pure."""

from __future__ import annotations

from typing import Any

_LOOKS = 6
"""A word is stable when it stood unchanged through this many changes and looks."""


class Steady:
    """Follows the hypotheses of one turn."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._seen: list[int] = []

    def look(self, words: list[str]) -> dict[str, Any] | None:
        """Return ``{"text", "stable"}`` of a hypothesis, ``stable`` in characters; ``None`` when it is the last again."""
        if words == self._words:
            self._seen = [seen + 1 for seen in self._seen]
            return None
        same = _common(words, self._words)
        self._seen = [seen + 1 for seen in self._seen[:same]] + [0] * (len(words) - same)
        self._words = words
        return {"text": " ".join(words), "stable": self._stable()}

    def _stable(self) -> int:
        steady = 0
        while steady < len(self._words) and self._seen[steady] >= _LOOKS:
            steady += 1
        return len(" ".join(self._words[:steady]))


def _common(left: list[str], right: list[str]) -> int:
    return next(
        (at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other),
        min(len(left), len(right)),
    )
