"""What a model gave us to return with a call of a function: the conversation itself has no place for it. Pure."""

from __future__ import annotations

MOST_CALLS = 4096
MOST_CHARS = 16 * 1024 * 1024


class Signatures:
    """Signatures by the ids of calls; beyond its bounds the oldest are forgotten. One memory serves all conversations."""

    def __init__(self, most_calls: int = MOST_CALLS, most_chars: int = MOST_CHARS) -> None:
        self._most_calls, self._most_chars = most_calls, most_chars
        self._kept: dict[str, str] = {}
        self._chars = 0

    def keep(self, call_id: str, signature: str) -> None:
        """Remember a signature."""
        self._forget(call_id)
        self._kept[call_id] = signature
        self._chars += len(signature)
        while len(self._kept) > self._most_calls or self._chars > self._most_chars:
            self._forget(next(iter(self._kept)))

    def get(self, call_id: str) -> str | None:
        """Return a call's signature, ``None`` where there was none or it is forgotten."""
        return self._kept.get(call_id)

    def _forget(self, call_id: str) -> None:
        self._chars -= len(self._kept.pop(call_id, ""))
