"""ICE in fragments of a session description: what trickles in, and the answer to a restart (RFC 8840 §9, RFC 9725 §4.3).

Hostile input, held to the limits of an offer. Candidates are counted and forgotten: an ICE-lite server contacts none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mediaserver.errors import BadRequest, TooLarge
from mediaserver.rtc.description import MAX_CANDIDATES, candidates
from mediaserver.rtc.ice import Credentials

MAX_BYTES = 16 * 1024
MAX_LINES = 200

_ICE = {"ufrag": re.compile(r"[A-Za-z0-9+/_=-]{4,256}"), "pwd": re.compile(r"[A-Za-z0-9+/_=-]{22,256}")}


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a client says of its ICE: the credentials of this generation, and how many candidates."""

    ufrag: str
    pwd: str
    candidates: int


def read_fragment(text: str) -> Fragment:
    """Read a fragment. Raises TooLarge, or BadRequest with code ``invalid_sdp``."""
    if len(text) > MAX_BYTES:
        raise TooLarge(f"the fragment is longer than {MAX_BYTES} bytes")
    lines = [line.strip() for line in text.split("\n")]
    count = sum(line.startswith("a=candidate:") for line in lines)
    if len(lines) > MAX_LINES or count > MAX_CANDIDATES:
        raise BadRequest(f"at most {MAX_LINES} lines and {MAX_CANDIDATES} candidates", code="invalid_sdp")
    return Fragment(_only(lines, "ufrag"), _only(lines, "pwd"), count)


def _only(lines: Sequence[str], name: str) -> str:
    """Return the one value of this name: at the top or repeated in each m-line, always of one generation."""
    start = f"a=ice-{name}:"
    values = {line.removeprefix(start) for line in lines if line.startswith(start)}
    if len(values) != 1 or not _ICE[name].fullmatch(next(iter(values))):
        raise BadRequest(f"a fragment has one a=ice-{name}", code="invalid_sdp")
    return values.pop()


def write_fragment(mid: str, credentials: Credentials, addresses: Sequence[str], port: int) -> str:
    """Write our side after an ICE restart; all m-lines share the transport of ``mid``."""
    lines = [
        "a=ice-lite",
        f"a=group:BUNDLE {mid}",
        f"m=audio {port} UDP/TLS/RTP/SAVPF 0",
        f"a=mid:{mid}",
        f"a=ice-ufrag:{credentials.ufrag}",
        f"a=ice-pwd:{credentials.pwd}",
        *candidates(addresses, port),
    ]
    return "\r\n".join(lines) + "\r\n"
