"""Keeps a model's thoughts out of what is spoken: ``<think>…</think>`` inside its text. Pure."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class Thinking:
    """A filter for one answer that comes in pieces; a beginning that may still become a mark is held back."""

    def __init__(self) -> None:
        self._text = ""
        self._inside = False

    def feed(self, text: str) -> str:
        """Return what may be spoken now."""
        self._text += text
        spoken = ""
        while (at := self._text.find(self._mark)) >= 0:
            spoken += self._passed(at)
            self._text = self._text.removeprefix(self._mark)
            self._inside = not self._inside
        return spoken + self._passed(len(self._text) - self._partial())

    def flush(self) -> str:
        """Return what was held back: it became no mark."""
        return self._passed(len(self._text))

    @property
    def _mark(self) -> str:
        return _CLOSE if self._inside else _OPEN

    def _passed(self, count: int) -> str:
        passed, self._text = self._text[:count], self._text[count:]
        return "" if self._inside else passed

    def _partial(self) -> int:
        """How many characters at the end may be the beginning of a mark."""
        mark = self._mark
        return next((size for size in range(len(mark) - 1, 0, -1) if self._text.endswith(mark[:size])), 0)
