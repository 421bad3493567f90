"""Video m-lines that are kept alive without video: the one format that an inactive answer has to name. Pure.

Nothing of it is ever sent or decoded; a client whose m-line is refused loses the transceiver, and with it the count by
which it finds the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_RTPMAP = re.compile(r"a=rtpmap:(\d{1,3}) ([A-Za-z0-9.-]{1,32}/\d{1,9})", re.ASCII)
_FMTP = re.compile(r"a=fmtp:(\d{1,3}) [A-Za-z0-9=;:,.+/ -]{1,256}", re.ASCII)
_REPAIR = ("rtx", "red", "ulpfec", "flexfec-03")


class Held(NamedTuple):
    """One format of a held m-line: its payload type, and the lines that describe it."""

    format: str
    lines: tuple[str, ...]


def held(formats: Sequence[str], section: Iterable[str]) -> Held | None:
    """Return VP8, which every client knows (RFC 7742 §5), else the first codec offered; ``None`` when there is none."""
    lines = list(section)
    codecs = {match[1]: match[2] for line in lines if (match := _RTPMAP.fullmatch(line)) and match[1] in formats}
    codecs = {pt: codec for pt, codec in codecs.items() if codec.split("/")[0].lower() not in _REPAIR}
    chosen = min(codecs, key=lambda pt: (not codecs[pt].upper().startswith("VP8/"), formats.index(pt)), default=None)
    if chosen is None:
        return None
    fmtp = (line for line in lines if (match := _FMTP.fullmatch(line)) and match[1] == chosen)
    return Held(chosen, (f"a=rtpmap:{chosen} {codecs[chosen]}", *list(fmtp)[:1]))
