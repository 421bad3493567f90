"""Guesses that the caller's turn is over, before it is known, so that the answer can be begun. Pure.

The guess is the words so far. It is made when a voice has been quiet for a moment and its sentence may be over, when the
recogniser thinks that the turn is over, or when the turn has ended and its transcript is still to come. It is taken back
when the caller goes on. A wrong guess costs what the model had written by then, so a turn has a few only.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediaserver.conversation.endings import ending
from mediaserver.conversation.words import has_words

QUIET_S = 0.2
"""A voice that was not heard for so long may be at its end."""

MOST = 4
"""Guesses in one turn."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What the caller will have said."""

    item_id: str
    text: str


class Foresight:
    """The guess about one caller's turn at a time; :meth:`changed` says what to do. ``paused``: the voice is quiet."""

    def __init__(self) -> None:
        self._item_id: str | None = None
        self._text = ""
        self._thought_over = False  # by the recogniser
        self.paused = False
        self._over = False
        self._told: Guess | None = None
        self._made = 0

    def begin(self, item_id: str) -> None:
        """The caller begins to speak."""
        self._item_id, self._text, self._made = item_id, "", 0
        self._thought_over = self.paused = self._over = False

    def words(self, item_id: str, text: str, *, over: bool = False) -> None:
        """The words so far; ``over``: the recogniser thinks that the turn is over with them."""
        if item_id == self._item_id:
            self._text, self._thought_over = text, over

    def quiet(self, for_s: float) -> bool:
        """The voice was last heard so many seconds ago; return whether a pause has just begun, or ended."""
        before, self.paused = self.paused, for_s >= QUIET_S
        return before != self.paused

    def over(self, item_id: str) -> None:
        """The turn has ended; its transcript will come."""
        if item_id == self._item_id:
            self._over = True

    def settle(self, item_id: str) -> None:
        """The transcript is there, or there will be none."""
        if item_id == self._item_id:
            self._item_id = None

    def changed(self) -> tuple[Guess | None] | None:
        """Return the new guess, in a tuple, when it is another one than was last returned; ``(None,)`` takes it back."""
        guess = self._guess()
        if guess == self._told or (guess is not None and self._made >= MOST):
            return None
        self._told = guess
        self._made += guess is not None
        return (guess,)

    def _guess(self) -> Guess | None:
        if self._item_id is None or not has_words(self._text):
            return None
        likely = self._over or self._thought_over or (self.paused and ending(self._text) == "finished")
        return Guess(self._item_id, self._text) if likely else None
