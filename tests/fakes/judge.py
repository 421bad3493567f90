"""A model of turns in virtual time: it says what it is told to, after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable


class ScriptedJudge:
    """Satisfies ``Asks``. ``shown``: the milliseconds of sound that came with each question."""

    def __init__(self, says: Iterable[float], after_s: float = 0.1) -> None:
        self.shown: list[int] = []
        self._says = iter(says)
        self._after_s = after_s

    def ask(self, pcm: bytes, answered: Callable[[float], None]) -> None:
        self.shown.append(len(pcm) // 32)
        asyncio.get_running_loop().call_later(self._after_s, answered, next(self._says))
