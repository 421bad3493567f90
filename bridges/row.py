"""A row of the tables of providers and engines: what the thing can be told, and how it is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Row(Generic[Made]):
    """One provider: the struct of its options, and how to open it with them."""

    options: type[msgspec.Struct]
    open: Callable[[Any], AbstractAsyncContextManager[Made]]
