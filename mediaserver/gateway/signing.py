"""Addresses that expire: a path, a moment and a key's name, signed with HMAC-SHA256 (RFC 2104). Pure.

The host is not signed, so that a CDN may stand in front, and the moment is rounded, so that equal requests made in the same
quarter of a lifetime get the same address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from mediaserver.errors import Forbidden

VERSION = "1"
_MOMENT = re.compile(r"[1-9][0-9]{0,11}")
_FIELDS = ("exp", "kid", "sig")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and its name, which stands in addresses."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        """Show no secret."""
        return f"SigningKey(id={self.id!r})"


class Signer:
    """Signs with the first key and accepts all: a new key is put first, an old one stays for as long as its addresses last.

    ``expires_s``: an address is good for so long, and up to a quarter longer.
    """

    def __init__(self, keys: Sequence[SigningKey], expires_s: int) -> None:
        self._newest = keys[0]
        self._keys = {key.id: key for key in keys}
        self._expires_s = expires_s

    def expiry(self, now: float) -> int:
        """Return when an address that is made now expires, in unix seconds."""
        step = max(1, self._expires_s // 4)
        return -(-(int(now) + self._expires_s) // step) * step

    def query(self, path: str, expires: int) -> str:
        """Return the query that makes the path good until then."""
        key = self._newest
        return urlencode({"exp": expires, "kid": key.id, "sig": _signature(key, path, str(expires))})

    def check(self, path: str, query: Sequence[tuple[str, str]], now: float) -> int:
        """Return when this address expires. Raises Forbidden for one that we did not sign, and for one that has expired.

        The query is exactly ours, each field once: what else stood there would make copies of a file in every cache.
        """
        given = dict(query)
        if len(query) != len(_FIELDS) or set(given) != set(_FIELDS) or not self._signed(path, given):
            raise Forbidden("this address was not signed by this server", code="invalid_signature")
        expires = int(given["exp"])
        if expires <= now:
            raise Forbidden("this address has expired: ask for a new one", code="link_expired")
        return expires

    def _signed(self, path: str, given: Mapping[str, str]) -> bool:
        key = self._keys.get(given["kid"])
        if key is None or not _MOMENT.fullmatch(given["exp"]):
            return False
        return hmac.compare_digest(_signature(key, path, given["exp"]).encode(), given["sig"].encode(errors="replace"))


def _signature(key: SigningKey, path: str, expires: str) -> str:
    said = "\n".join((VERSION, path, expires, key.id))
    return base64.urlsafe_b64encode(hmac.digest(key.secret, said.encode(), hashlib.sha256)).rstrip(b"=").decode()
