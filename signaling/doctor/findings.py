"""What the doctor found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ``said`` in a sentence, ``remedy`` what to do about it.

    ``note``: it works here, and a case is named in which it will not. ``wrong``: the server will not work.
    """

    name: str
    verdict: Verdict
    said: str
    remedy: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


def ok(name: str, said: str, **figures: Any) -> Finding:
    """Return a good finding."""
    return Finding(name, "ok", said, figures=figures)


def note(name: str, said: str, remedy: str, **figures: Any) -> Finding:
    """Return one to know about."""
    return Finding(name, "note", said, remedy, figures)


def wrong(name: str, said: str, remedy: str, **figures: Any) -> Finding:
    """Return one to mend."""
    return Finding(name, "wrong", said, remedy, figures)
