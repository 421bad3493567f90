"""What of one turn of speech is written down so far: what is final, and what may still change. Pure."""

from __future__ import annotations

from collections import deque

from mediaserver.speech import Partial

MAX_PIECES = 1000
"""Final pieces of one turn; of more only the newest are kept."""


class Written:
    """Joins the pieces of one turn; ``ended`` is that the engine thinks the turn is over."""

    def __init__(self) -> None:
        self._final: deque[str] = deque(maxlen=MAX_PIECES)
        self._rest = ""
        self.ended = False

    def final(self, text: str) -> None:
        """Keep a piece for good; it takes the place of what might have changed."""
        self._rest = ""
        if text.strip():
            self._final.append(text.strip())

    def rest(self, text: str) -> None:
        """Put ``text`` after what is final, in the place of what was there."""
        self._rest = text.strip()

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join((*self._final, self._rest) if self._rest else self._final)

    def partial(self) -> Partial:
        """Return it as a hypothesis."""
        return Partial(self.text, len(" ".join(self._final)), self.ended)
