"""What runs inside a worker process, as the worker sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class EngineMissing(Exception):
    """The engine or its data is not installed; the message says what to do."""


class Engine(Protocol):
    """What a worker runs: one job at a time."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the server should know of the loaded engine."""
        ...

    def begin(self, told: Mapping[str, Any]) -> None:
        """Start a job."""
        ...

    def feed(self, data: bytes) -> Any:
        """Take input; return a result on the way, or None."""
        ...

    def end(self, piece: Callable[[Any], bool]) -> Any:
        """Finish: hand out results on the way (``piece`` says False when nobody wants more) and return the last."""
        ...

    def drop(self) -> None:
        """Forget the job."""
        ...
