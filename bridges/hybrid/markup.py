"""Takes out of a stream of text what cannot be said: Markdown, links' addresses, emoji. Pure."""

from __future__ import annotations

import re

_HOLD = 300
"""Characters held back at most for a link that may still close."""

_LINK = re.compile(r"\[[^\]]*\](?:\([^)]*\)|(?=[^(]))")
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^[ \t]*```.*$", re.M), ""),
    (re.compile(r"^[ \t]*(?:#{1,6}|>|[-*+])[ \t]+", re.M), ""),
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\*\*|__|~~|`"), ""),
    (re.compile(r"(?<![\w*])[*_](?=\w)|(?<=[\w.,!?])[*_](?!\w)"), ""),
    # Emoji, their modifiers and joiners (Unicode TR51); not the arrows and signs that are read aloud.
    (re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3\U000e0020-\U000e007f]+ ?"), ""),
)


class Markup:
    """A filter for one text that comes in pieces; what may still become a mark is held back until the next space."""

    def __init__(self) -> None:
        self._held = ""
        self._line_start = True

    def feed(self, text: str) -> str:
        """Return what may be said now."""
        self._held += text
        cut = max(self._held.rfind(space) for space in " \n\t") + 1
        link = self._held.rfind("[", 0, cut)
        if link >= 0 and cut - link < _HOLD:
            closed = _LINK.match(self._held, link)
            cut = cut if closed and closed.end() <= cut else link
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._clean(ready)

    def flush(self) -> str:
        """Return the rest: the text is complete, or pauses for long."""
        ready, self._held = self._held, ""
        return self._clean(ready)

    def _clean(self, text: str) -> str:
        if not text:
            return ""
        # A mark that counts at the start of a line only must not be seen where a piece merely begins.
        guard = "" if self._line_start else "\0"
        self._line_start = text.endswith("\n")
        text = guard + text
        for pattern, replacement in _REWRITES:
            text = pattern.sub(replacement, text)
        return text.removeprefix("\0")
