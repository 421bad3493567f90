"""What several requests for one thing used together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from mediaserver.items import Usage

_AMOUNTS = tuple(each.name for each in fields(Usage) if each.name != "source")


def summed(parts: Sequence[Usage]) -> Usage | None:
    """Return the sum, the provider's own where all of it is; ``None`` of nothing."""
    if len(parts) < 2:
        return parts[0] if parts else None
    amounts = {name: sum(getattr(part, name) for part in parts) for name in _AMOUNTS}
    told = all(part.source == "provider" for part in parts)
    return Usage(**amounts, source="provider" if told else "metered")
