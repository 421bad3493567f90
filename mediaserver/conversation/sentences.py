"""Where a sentence ends. Pure."""

from __future__ import annotations

import re

_CLOSED = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*\Z")  # noqa: RUF001 - Chinese and Japanese stops


def is_closed(text: str) -> bool:
    """Say whether the text ends with the end of a sentence."""
    return bool(_CLOSED.search(text))
