"""How many requests of one kind may be worked at, at once; nobody waits here: one more is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mediaserver.errors import Overloaded


class Gate:
    """A door for ``most`` at once; ``what`` names them in the refusal."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self.inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside until the block is left. Raises Overloaded when it is full."""
        if self.inside >= self._most:
            raise Overloaded(
                f"the server is at {self._most} {self._what} already; try again in a moment", retry_after=2
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
