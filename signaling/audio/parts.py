"""A long text in parts that engines take in one request, cut where a reader would draw breath. Pure."""

from __future__ import annotations

import re

LONGEST = 4000
"""Characters of one part: what OpenAI takes in one request, so that no text of that length loses its melody at a seam."""

_FULL_WIDTH = r"\u3002\uff01\uff1f"
"""Chinese and Japanese: full stop, exclamation mark, question mark; no space follows."""
_BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(rf"[.!?\u2026{_FULL_WIDTH}]['\")\]\u201d\u2019\u00bb]*\s+|[{_FULL_WIDTH}]"),
    re.compile(r"[,;:]\s+"),
    re.compile(r"\s+"),
)
"""Where to cut, the best first: paragraphs, sentences, clauses, words."""


def parts(text: str, longest: int = LONGEST) -> list[str]:
    """Return the text in parts of at most ``longest`` characters; together they are all of it but for space between them."""
    found = []
    text = text.strip()
    while len(text) > longest:
        cut = _cut(text, longest)
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*found, text] if text else found


def _cut(text: str, longest: int) -> int:
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, 0, longest + 1)]
        last = max((end for end in ends if longest // 4 <= end <= longest), default=0)
        if last:
            return last
    return longest
