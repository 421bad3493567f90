"""One batch: what it is, what of it is done, and what comes next. Pure; the disk is :mod:`signaling.audio.batch.shelf`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from mediaserver.gateway.principal import Principal
from signaling.audio.batch.journal import Line

SPEECH, TRANSCRIPTIONS, TRANSLATIONS = "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations"

Status = Literal["in_progress", "cancelling", "cancelled", "completed", "expired"]


class Spec(Struct, frozen=True):
    """What a batch was made with. ``created`` and ``expires`` are unix seconds; ``fields`` are those of a form of files.

    ``names``: the client's own name of each item.
    """

    id: str
    owner: str
    endpoint: str
    created: int
    expires: int
    names: tuple[str, ...]
    models: tuple[str, ...] | None = None
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def principal(self) -> Principal:
        """Whose it is, with the models that its key might use when it was made."""
        return Principal(self.owner, frozenset(), None if self.models is None else frozenset(self.models))


class Book:
    """The state of one batch."""

    def __init__(self, spec: Spec, lines: Iterable[Line] = ()) -> None:
        self.spec = spec
        self.done: dict[int, Line] = {}
        self.cancelled = False
        self._running: set[int] = set()
        for line in lines:
            self.note(line)
        self._next = 0

    def note(self, line: Line) -> None:
        """Take what happened; an item is done once only."""
        if line.index is None:
            self.cancelled = True
        elif 0 <= line.index < len(self.spec.names):
            self.done.setdefault(line.index, line)
            self._running.discard(line.index)

    def take(self, now: float) -> int | None:
        """Return the next item to work at, which is then being worked at; ``None`` when there is none."""
        if self.cancelled or now >= self.spec.expires:
            return None
        while self._next < len(self.spec.names):
            index, self._next = self._next, self._next + 1
            if index not in self.done:
                self._running.add(index)
                return index
        return None

    def let_go(self, index: int) -> None:
        """The item is not worked at any more, done or not."""
        self._running.discard(index)

    def status(self, now: float) -> Status:
        """Return where it stands."""
        if len(self.done) == len(self.spec.names):
            return "completed"
        if self.cancelled:
            return "cancelling" if self._running else "cancelled"
        return "expired" if now >= self.spec.expires else "in_progress"

    def shape(self, now: float, place: str) -> dict[str, Any]:
        """Return it as clients see it; ``place`` is its address."""
        failed = sum(line.status == "failed" for line in self.done.values())
        return {
            "id": self.spec.id,
            "object": "audio.batch",
            "endpoint": self.spec.endpoint,
            "status": self.status(now),
            "created_at": self.spec.created,
            "expires_at": self.spec.expires,
            "request_counts": {
                "total": len(self.spec.names), "completed": len(self.done) - failed, "failed": failed,
            },
            "results": [self._result(index, self.done[index], place) for index in sorted(self.done)],
        }  # fmt: skip

    def _result(self, index: int, line: Line, place: str) -> dict[str, Any]:
        result = {"index": index, "custom_id": self.spec.names[index], "status": line.status}
        if line.status == "failed":
            return result | {"error": line.error}
        return result | {"url": f"{place}/results/{index}", "content_type": line.content_type}
