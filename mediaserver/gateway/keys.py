"""Who is calling: keys, kept in memory only as HMAC-SHA256 under a pepper made at start."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from mediaserver.config import Key
from mediaserver.errors import Unauthenticated
from mediaserver.gateway.principal import Principal as Principal

DEVELOPMENT_KEY = "sk-local"
MAX_KEY_CHARS = 512
ALL_SCOPES = frozenset(
    {
        *("calls:create", "calls:control", "calls:listen", "calls:whisper", "calls:takeover"),
        *("metrics:read", "audio:use", "voices:manage"),
    }
)


class KeyRing:
    """Knows every key by its hash. The development key is a row that holds only for loopback callers."""

    def __init__(self, keys: Iterable[Key], *, development: bool) -> None:
        self._pepper = secrets.token_bytes(32)
        self._rows = [(self._hash(_digest(key)), _principal(key)) for key in keys]
        self._development = self._hash(_sha256(DEVELOPMENT_KEY)) if development else None

    def authenticate(self, key: str, *, loopback: bool) -> Principal:
        """Return who holds this key. Raises Unauthenticated, the same for every key that does not hold.

        Every row is compared, each in constant time, so that the time says nothing of the keys.
        """
        given = self._hash(_sha256(key[:MAX_KEY_CHARS]))
        found: Principal | None = None
        for stored, principal in self._rows:
            if hmac.compare_digest(stored, given):
                found = principal
        if self._development is not None and hmac.compare_digest(self._development, given) and loopback:
            found = found or Principal("development", ALL_SCOPES, memory=True)
        if found is None or len(key) > MAX_KEY_CHARS:
            raise Unauthenticated("the API key is missing or not valid")
        return found

    def _hash(self, digest: str) -> bytes:
        return hmac.digest(self._pepper, digest.encode(), "sha256")


def _principal(key: Key) -> Principal:
    models = None if key.models is None else frozenset(key.models)
    origins = None if key.origins is None else frozenset(key.origins)
    return Principal(key.name, frozenset(key.scopes), models, origins, memory=key.memory)


def _digest(key: Key) -> str:
    return key.sha256 if key.sha256 is not None else _sha256(key.key.reveal() if key.key else "")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
