"""What is on its way to the bridge: straight through once it is ready, kept in order before."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from typing import Protocol

from mediaserver.clock import FRAME_MS
from mediaserver.commands import Command, CreateItem
from mediaserver.errors import Unsupported
from mediaserver.remember import remember

KEPT_MS = 15000
KEPT_COMMANDS = 1000


class Way(Protocol):
    """The part of a bridge that takes sound and commands."""

    def hear(self, pcm: bytes) -> None:
        """Take one frame."""
        ...

    def send(self, command: Command) -> None:
        """Take a command; raises Unsupported."""
        ...


class Outbox:
    """The first words of a call, kept while the bridge connects: at most 15 s of sound, the oldest dropped and counted."""

    def __init__(self, way: Way) -> None:
        self.dropped_ms = 0
        self.start_ms = 0  # where on the call's own clock of sound the first sound of this way lies
        self._way = way
        self._ready = False
        self._kept: deque[bytes | Command] = deque(maxlen=KEPT_MS // FRAME_MS + KEPT_COMMANDS)
        self._frames = 0
        self._given: dict[str, None] = {}

    @property
    def ready(self) -> bool:
        """The bridge takes sound and commands."""
        return self._ready

    @property
    def waiting(self) -> frozenset[str]:
        """The items that are kept."""
        return frozenset(one.item.id for one in self._kept if isinstance(one, CreateItem))

    @property
    def given(self) -> frozenset[str]:
        """The items that went through since :meth:`mark`, of many the last."""
        return frozenset(self._given)

    def mark(self) -> None:
        """Count from now on what is given."""
        self._given.clear()

    def hold(self) -> None:
        """The bridge has gone: keep what comes, as before it was ready."""
        self._ready = False

    def open(self, known: Container[str] = ()) -> list[Unsupported]:
        """The bridge is ready: give it all at once what was kept, and return what it would not take.

        ``known`` are the ids of the items that it was opened with: they are not given twice.
        """
        self._ready = True
        refused = []
        while self._kept:
            one = self._kept.popleft()
            if isinstance(one, CreateItem) and one.item.id in known:
                continue
            try:
                self._pass_on(one)
            except Unsupported as problem:
                refused.append(problem)
        self._frames = 0
        return refused

    def hear(self, pcm: bytes) -> None:
        """Take one 20 ms frame."""
        if self._ready:
            self._way.hear(pcm)
            return
        if self._frames * FRAME_MS >= KEPT_MS:
            self._drop_oldest()
        self._kept.append(pcm)
        self._frames += 1

    def send(self, command: Command) -> None:
        """Take a command; raises Unsupported when the bridge cannot do it, or too many wait for it."""
        if self._ready:
            self._pass_on(command)
        elif len(self._kept) - self._frames >= KEPT_COMMANDS:
            raise Unsupported("too many requests before the model is ready")
        else:
            self._kept.append(command)

    def _pass_on(self, one: bytes | Command) -> None:
        if isinstance(one, bytes):
            self._way.hear(one)
            return
        self._way.send(one)
        if isinstance(one, CreateItem):
            remember(self._given, one.item.id, None, KEPT_COMMANDS)

    def _drop_oldest(self) -> None:
        oldest = next(index for index, one in enumerate(self._kept) if isinstance(one, bytes))
        del self._kept[oldest]
        self._frames -= 1
        self.dropped_ms += FRAME_MS
