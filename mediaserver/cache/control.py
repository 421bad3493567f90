"""``Cache-Control``, as much of it as matters here: what a request wants, and what an answer says (RFC 9111 §5). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Control:
    """What a request wants. ``no_cache``: no old result; ``no_store``: keep nothing; ``max_age``: seconds, none older."""

    no_cache: bool = False
    no_store: bool = False
    max_age: float | None = None

    @property
    def alone(self) -> bool:
        """Whether the request cannot share another's answer."""
        return self.no_cache or self.no_store or self.max_age is not None


USUAL = Control()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an answer came from, and how old it is in seconds."""

    how: Literal["hit", "miss", "shared"]
    age: float = 0.0


MISS, SHARED = Outcome("miss"), Outcome("shared")


def read_control(header: str) -> Control:
    """Return what a request's header says; what it says wrongly or what we do not know changes nothing (§5.2)."""
    said: dict[str, str] = {}
    for directive in header.split(","):
        name, _, value = directive.partition("=")
        said.setdefault(name.strip().lower(), value.strip().strip('"'))
    age = said.get("max-age", "")
    plain = age.isascii() and age.isdigit() and len(age) <= _MAX_DIGITS
    return Control("no-cache" in said, "no-store" in said, float(age) if plain else None)


def answer_headers(outcome: Outcome, asked: Control, max_age: float) -> dict[str, str]:
    """Return the headers of an answer: how it came to be, and how long a client may keep it."""
    kept = "no-store" if asked.no_store else f"private, max-age={int(max_age)}"
    headers = {"X-Cache": outcome.how, "Cache-Control": kept}
    return headers if outcome.how == "miss" else headers | {"Age": str(int(outcome.age))}
