"""A row of the tables of providers and engines: what the thing can be told, and how it is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

import msgspec

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Row(Generic[Made]):
    """One provider: the struct of its options, and how to open it with them."""

    options: type[msgspec.Struct]
    open: Callable[[Any], AbstractAsyncContextManager[Made]]


@dataclass(frozen=True, slots=True)
class Lazily:
    """Opens something by the function of that name in ``bridges.<module>``, which is imported only then."""

    module: str
    opener: str

    def found(self) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
        """Import and return the function."""
        opener: Callable[[Any], AbstractAsyncContextManager[Any]]
        opener = getattr(import_module(f"bridges.{self.module}"), self.opener)
        return opener

    @asynccontextmanager
    async def __call__(self, chosen: Any) -> AsyncIterator[Any]:
        """Open it with these options."""
        async with self.found()(chosen) as made:
            yield made
