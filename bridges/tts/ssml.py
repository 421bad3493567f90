"""A text as Azure AI Speech reads it: SSML that names the voice, the style and the pace. Pure.

Source: Microsoft, "SSML document structure", "Voice and sound with SSML"; W3C SSML 1.0; XML 1.0 section 2.2 for characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_STYLE = ("style", "styledegree", "role")
_PROSODY = ("pitch", "volume", "contour", "range")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SLOWEST, _FASTEST = 0.5, 2.0
_ONE_WORD = re.compile(r"[\w-]{1,40}\Z")


def ssml(text: str, voice: str, language: str, speed: float, settings: Mapping[str, Any]) -> str:
    """Return the document. ``settings`` may have ``style``, ``styledegree``, ``role``, ``pitch``, ``volume`` and so on.

    ``speed`` 0.5 to 2; what lies beyond is taken as the nearest of these.
    """
    told = {name: str(value) for name, value in settings.items() if isinstance(value, str | int | float)}
    prosody = {name: told[name] for name in _PROSODY if name in told}
    if speed != 1.0:
        prosody = {"rate": f"{round((min(_FASTEST, max(_SLOWEST, speed)) - 1) * 100):+d}%", **prosody}
    inner = _element("prosody", prosody, escape(_xml(text)))
    inner = _element("mstts:express-as", {name: told[name] for name in _STYLE if name in told}, inner)
    spaces = {"xmlns": "http://www.w3.org/2001/10/synthesis", "xmlns:mstts": "https://www.w3.org/2001/mstts"}
    spoken = _element("voice", {"name": voice}, inner)
    return _element("speak", {"version": "1.0", **spaces, "xml:lang": language}, spoken)


def is_style(words: str) -> bool:
    """Say whether a manner in words can be the name of a style: it is one word."""
    return bool(_ONE_WORD.match(words))


def _element(name: str, attributes: Mapping[str, str], inner: str) -> str:
    """Write an element; without attributes it would say nothing, so only what is in it is written."""
    if not attributes:
        return inner
    told = "".join(f" {key}={quoteattr(_xml(value))}" for key, value in attributes.items())
    return f"<{name}{told}>{inner}</{name}>"


def _xml(text: str) -> str:
    return _NOT_XML.sub(" ", text)
