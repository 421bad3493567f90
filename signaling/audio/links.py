"""Speech as files under signed addresses: made once, kept in the cache, fetched by whoever has the address."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from mediaserver.cache.entry import Entry
from mediaserver.cache.key import file_key
from mediaserver.cache.tiers import Tiers
from mediaserver.cacheconfig import AudioLinks as Configured
from mediaserver.errors import NotFound, Overloaded, RequestError, TooLarge
from mediaserver.gateway.signing import Signer, SigningKey

log = logging.getLogger(__name__)

PLACE = "/v1/audio/files/"
TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "pcm": "audio/pcm",
}
"""The content type of each extension."""
FIND_S = 0.5
"""A look-up in folder and Redis may take so long: nobody is on the line."""
GRACE_S = 60
"""A file is kept a little longer than its address is good, for who began to fetch it in time."""

Query = Sequence[tuple[str, str]]


class _Facts(msgspec.Struct, frozen=True):
    """About a file: its extension, and the tag that tells its bytes from others (RFC 9110 §8.8.3)."""

    extension: str
    etag: str


@dataclass(frozen=True, slots=True)
class Link:
    """An address, and when it expires in unix seconds."""

    url: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Linked:
    """What is behind an address; ``max_age``: seconds until it expires."""

    body: bytes
    type: str
    etag: str
    max_age: int


class AudioLinks:
    """Makes addresses and finds what is behind them.

    ``base``: what addresses begin with; empty: what each request came to. With several ``workers`` addresses need keys that
    all of them have, and a folder or Redis that all of them see.
    """

    def __init__(self, how: Configured, tiers: Tiers, *, base: str = "", workers: bool = False) -> None:
        keys = [SigningKey(key.id, key.secret.reveal().encode()) for key in how.keys]
        self._signer = Signer(keys or [SigningKey(secrets.token_hex(4), secrets.token_bytes(32))], how.expires_s)
        self._tiers = tiers
        self._base = (how.public_base or base).rstrip("/")
        self._apart = workers and (not keys or tiers.alone)
        if self._apart:
            log.info(
                "no addresses of audio files: several workers need audio_links.keys, and cache.folder or cache.redis"
            )

    async def link_for(
        self,
        tenant: str,
        spoken: str,
        extension: str,
        make: Callable[[], Awaitable[bytes]],
        *,
        origin: str = "",
        anew: bool = False,
    ) -> Link:
        """Return an address of a spoken text as a file, which ``make`` gives where it is not kept.

        ``spoken`` is its key (:meth:`mediaserver.cache.spoken.SpokenVoice.key`), ``extension`` one of :data:`TYPES`,
        ``origin`` the scheme and host that the request came to; ``anew``: what is kept is not good enough. Raises
        Overloaded, TooLarge, and what ``make`` raises.
        """
        if self._apart:
            problem = "the workers of this server share no keys or no cache, see audio_links in its configuration"
            raise Overloaded(problem, code="links_unavailable")
        name, now = file_key(tenant, spoken, extension), self._tiers.wall()
        expires = self._signer.expiry(now)
        kept = None if anew else await self._find(name)
        if kept is None or kept.until < expires + GRACE_S:
            await self._keep(name, extension, await make() if kept is None else kept.body, now, expires)
        path = f"{PLACE}{name}.{extension}"
        return Link(f"{self._base or origin}{path}?{self._signer.query(path, expires)}", expires)

    async def open(self, name: str, extension: str, query: Query) -> Linked:
        """Return the file at an address. Raises Forbidden for one not ours or expired, NotFound for a file not kept."""
        now = self._tiers.wall()
        expires = self._signer.check(f"{PLACE}{name}.{extension}", query, now)
        entry = await self._find(name)
        facts = None if entry is None else _facts(entry)
        if entry is None or facts is None:
            raise NotFound("this file is not kept any more: ask for a new address", code="file_not_found")
        return Linked(entry.body, TYPES[facts.extension], facts.etag, math.floor(expires - now))

    async def _find(self, name: str) -> Entry | None:
        return self._tiers.near(name) or await self._tiers.far(name, within=FIND_S)

    async def _keep(self, name: str, extension: str, body: bytes, now: float, expires: int) -> None:
        digest = await asyncio.to_thread(hashlib.blake2b, body, digest_size=16)
        facts = msgspec.json.encode(_Facts(extension, f'"{digest.hexdigest()}"'))
        entry = Entry(now, expires + GRACE_S, facts, body)
        if not self._tiers.takes(entry):
            raise TooLarge("the file is too large for the cache, from which it would be fetched")
        if not await self._tiers.store(name, entry):
            raise _nowhere()


def _facts(entry: Entry) -> _Facts | None:
    try:
        facts = msgspec.json.decode(entry.facts, type=_Facts)
    except msgspec.DecodeError:
        return None
    return facts if facts.extension in TYPES else None


def _nowhere() -> RequestError:
    return Overloaded("the cache does not take the file now", code="links_unavailable")
