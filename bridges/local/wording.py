"""Text as a small voice can say it: signs as words, no markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

_CURRENCIES = {"$": ("dollar", "dollars"), "€": ("euro", "euros"), "£": ("pound", "pounds")}


def _money(found: re.Match[str]) -> str:
    whole, cents = found[2].replace(",", ""), found[3]
    unit = _CURRENCIES[found[1]][whole != "1"]
    return f"{whole} {unit} {int(cents)}" if cents and int(cents) else f"{whole} {unit}"


_ENGLISH: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"https?://(?:www\.)?"), ""),
    (re.compile(r"\b(\S+)@(\S+)\b"), r"\1 at \2"),
    (re.compile(r"(?<=[a-z])\.(?=[a-z]{2,})", re.I), " dot "),
    (re.compile(r"([$€£])\s?(\d[\d,]*)(?:\.(\d\d))?\b"), _money),
    (re.compile(r"(?<=\d),(?=\d{3})"), ""),
    (re.compile(r"\b(\d{1,2}):00\b"), r"\1 o'clock"),
    (re.compile(r"\b(\d{1,2}):0(\d)\b"), r"\1 oh \2"),
    (re.compile(r"\b(\d{1,2}):(\d\d)\b"), r"\1 \2"),
    (re.compile(r"(?<![\w.])-(?=\d)"), "minus "),
    (re.compile(r"(?<=\d)\s*°\s*C\b"), " degrees Celsius"),
    (re.compile(r"(?<=\d)\s*°\s*F\b"), " degrees Fahrenheit"),
    (re.compile(r"(?<=\d)\s*°"), " degrees"),
    (re.compile(r"(?<=\d)\s*km/h\b"), " kilometres per hour"),
    (re.compile(r"(?<=\d)\s*km\b"), " kilometres"),
    (re.compile(r"\s*%"), " percent"),
    (re.compile(r"\s*&\s*"), " and "),
    (re.compile(r"\s+[*\u00d7]\s+|(?<=\d)[*\u00d7](?=\d)"), " times "),
    (re.compile(r"\s*\u00f7\s*|(?<=\d)\s+/\s+(?=\d)"), " divided by "),
    (re.compile(r"\s*\+\s*(?=\d)"), " plus "),
    (re.compile(r"\s*=\s*"), " equals "),
    (re.compile(r"#(?=\d)"), "number "),
)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_SPEECHLESS = re.compile(r"[<>{}\[\]|\\^~`_*#]+")
"""Markup characters: the voices would take them for commands or spell them out."""


def speakable(text: str, voice: str) -> str:
    """Return ``text`` as it should be handed to a voice (``en-US``, ``de-DE``, …); empty when there is nothing to say."""
    text = _TAG.sub(" ", text)
    if voice.startswith("en"):
        for pattern, words in _ENGLISH:
            text = pattern.sub(words, text)
    text = " ".join(_SPEECHLESS.sub(" ", text.replace("\0", " ")).split())
    return text if re.search(r"\w", text) else ""
