"""Client secrets (``ek_…``): keys for a browser, narrower than the key that made them and valid for minutes.

Kept in memory only as HMAC-SHA256 under a pepper made at start. A secret opens as many calls as it may until it expires;
calls that run survive its expiry (OpenAI Realtime reference, "Client secrets").
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from mediaserver.clock import Clock, monotonic, new_id
from mediaserver.errors import Forbidden, Overloaded, Unauthenticated
from mediaserver.gateway.keys import MAX_KEY_CHARS
from mediaserver.gateway.permissions import permit_model
from mediaserver.gateway.principal import Grant, Principal

PREFIX = "ek_"
MIN_S, MAX_S, DEFAULT_S = 10, 7200, 600
SCOPES = frozenset({"calls:create", "calls:control"})
"""What a secret may at most: supervision stays with the keys of servers."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a secret is to be held to; ``None`` for what its parent may."""

    max_duration_s: float | None = None
    models: tuple[str, ...] | None = None
    voices: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    origins: tuple[str, ...] | None = None
    max_uses: int | None = None


@dataclass(frozen=True, slots=True)
class Minted:
    """A new secret, shown once; ``expires_at`` is unix seconds."""

    value: str
    expires_at: int

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Minted(expires_at={self.expires_at})"


@dataclass(slots=True)
class _Row:
    principal: Principal
    expires: float
    uses_left: int | None


class Secrets:
    """All secrets of one worker, at most ``max_secrets``; they bear its ``mark``.

    ``clock`` is monotonic, ``wall`` unix seconds.
    """

    def __init__(
        self,
        clock: Clock = monotonic,
        wall: Callable[[], float] = time.time,
        *,
        max_secrets: int = 10_000,
        mark: str = "",
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._max = max_secrets
        self._mark = mark
        self._pepper = secrets.token_bytes(32)
        self._rows: dict[bytes, _Row] = {}
        self._by_name: dict[str, _Row] = {}

    def mint(
        self, parent: Principal, restriction: Restriction, *, seconds: int = DEFAULT_S, session: Any = None
    ) -> Minted:
        """Return a new secret of this parent, valid for ``seconds`` (10..7200).

        Raises Forbidden for what the parent may not itself, Overloaded when there are too many.
        """
        who = narrowed(parent, restriction, session)
        self._make_room()
        value, now = f"{PREFIX}{self._mark}{secrets.token_urlsafe(32)}", self._clock()
        row = _Row(who, now + seconds, restriction.max_uses)
        self._rows[self._hash(value)] = row
        assert who.grant is not None  # noqa: S101 - it is what was narrowed
        self._by_name[who.grant.secret] = row
        return Minted(value, math.floor(self._wall() + seconds))

    def authenticate(self, key: str) -> Principal:
        """Return who holds this secret. Raises Unauthenticated, the same for one that has expired as for none."""
        digest = self._hash(key[:MAX_KEY_CHARS])
        row = self._rows.get(digest)
        if row is not None and row.expires <= self._clock():
            self._forget(digest)
            row = None
        if row is None or len(key) > MAX_KEY_CHARS:
            raise Unauthenticated("the API key is missing or not valid")
        return row.principal

    def check(self, who: Principal) -> None:
        """Raise Unauthenticated when this secret has opened its last call; does nothing for a key."""
        row = self._counted(who)
        if row is not None and row.uses_left == 0:
            raise Unauthenticated("this client secret has opened as many calls as it may", code="secret_used_up")

    def use(self, who: Principal) -> None:
        """Count one call of this secret; does nothing for a key. Raises Unauthenticated as :meth:`check` does."""
        self.check(who)
        row = self._counted(who)
        if row is not None and row.uses_left is not None:
            row.uses_left -= 1

    def _counted(self, who: Principal) -> _Row | None:
        return None if who.grant is None else self._by_name.get(who.grant.secret)

    def _hash(self, key: str) -> bytes:
        return hmac.digest(self._pepper, hashlib.sha256(key.encode(errors="surrogateescape")).digest(), "sha256")

    def _make_room(self) -> None:
        if len(self._rows) < self._max:
            return
        now = self._clock()
        for digest in [digest for digest, row in self._rows.items() if row.expires <= now]:
            self._forget(digest)
        if len(self._rows) >= self._max:
            raise Overloaded("there are too many client secrets; use one for several calls", code="too_many_secrets")

    def _forget(self, digest: bytes) -> None:
        row = self._rows.pop(digest)
        if row.principal.grant is not None:
            self._by_name.pop(row.principal.grant.secret, None)


def narrowed(parent: Principal, asked: Restriction, session: Any = None) -> Principal:
    """Return who a secret of this parent would be. Raises Forbidden for what the parent may not itself."""
    if parent.grant is not None:
        raise Forbidden("a client secret cannot make client secrets", code="missing_scope")
    for model in asked.models or ():
        permit_model(parent, model)
    if parent.origins is not None and not set(asked.origins or ()) <= parent.origins:
        raise Forbidden("this key may not be used from there", code="origin_not_allowed", param="restrict.origins")
    tools = None if asked.tools is None else frozenset(asked.tools)
    return replace(
        parent,
        scopes=parent.scopes & SCOPES,
        models=_set(asked.models, parent.models),
        origins=_set(asked.origins, parent.origins),
        grant=Grant(new_id("secret"), asked.max_duration_s, asked.voices, tools, session),
    )


def _set(asked: Iterable[str] | None, parents: frozenset[str] | None) -> frozenset[str] | None:
    return parents if asked is None else frozenset(asked)
