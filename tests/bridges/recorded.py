"""Conversations with providers as they went over the wire, one message a line; see ``tests/recordings``."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "recordings"


def recorded(provider: str, case: str) -> Iterator[tuple[bool, str | bytes]]:
    """Yield ``(sent by the client, message)`` of a recording."""
    for line in (ROOT / provider / f"{case}.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row["from"] == "client", row["text"] if "text" in row else b64decode(row["binary"])
