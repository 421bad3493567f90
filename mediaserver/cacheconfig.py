"""The part of the configuration that says what is kept of speech and transcripts, and how files of speech are handed out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from mediaserver.errors import ConfigError
from mediaserver.section import Seconds, Secret, Section

Megabytes = Annotated[int, Meta(ge=0, le=1_000_000)]

MIN_SECRET = 32
"""Characters of a secret that signs addresses."""

REDIS_SCHEMES = ("redis", "rediss", "unix")


class Cache(Section, frozen=True):
    """What is kept of what was spoken and written down, so that equal requests need no engine; for each key its own."""

    speech: bool = True
    """Keep synthesised speech."""
    transcripts: bool = False
    """Keep transcripts of files, in memory: they are what people said, so only where you want it."""
    transcripts_stored: bool = False
    """Keep transcripts in ``folder`` and ``redis`` too, where these are set; they lie there unencrypted."""
    max_age_s: Seconds = 86_400.0
    """Nothing is used, or kept, for longer."""
    memory_mb: Megabytes = 64
    """Megabytes in the memory of each worker; 0: none."""
    folder: str = ""
    """A folder of ours alone, which workers share and which outlives them; empty: none."""
    folder_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    """Megabytes in the folder; what was not used for the longest time goes."""
    redis: Secret | None = None
    """``redis://host:6379/0``, shared by several machines; needs ``pip install 'mediaserver[redis]'``."""


class LinkKey(Section, frozen=True):
    """A key that signs the addresses of files."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}\Z")]
    """Its name, which stands in the addresses."""
    secret: Secret
    """The key itself, at least 32 characters, best as ``${NAME}``."""


class AudioLinks(Section, frozen=True):
    """Speech as files under signed addresses, which anybody who has the address may fetch until it expires."""

    keys: tuple[LinkKey, ...] = ()
    """The first one signs, all are accepted: put a new one on top. Empty: one is made at start, for one worker alone."""
    expires_s: Annotated[int, Meta(ge=60, le=604_800)] = 3600
    """An address is good for so long, and up to a quarter longer: equal requests get the same address."""
    public_base: str = ""
    """What addresses begin with, e.g. that of a CDN before this server; empty: ``server.public_url``, else as asked."""


def check_cache(cache: Cache) -> None:
    """Refuse what each value allows but all together do not. Raises ConfigError."""
    if cache.transcripts_stored and not cache.transcripts:
        raise ConfigError("cache.transcripts_stored", "needs cache.transcripts")
    if cache.redis is not None and urlsplit(cache.redis.reveal()).scheme not in REDIS_SCHEMES:
        raise ConfigError("cache.redis", f"must begin with {', '.join(f'{scheme}://' for scheme in REDIS_SCHEMES)}")


def check_links(links: AudioLinks) -> None:
    """Refuse keys that cannot be told apart or could be guessed. Raises ConfigError."""
    if len({key.id for key in links.keys}) != len(links.keys):
        raise ConfigError("audio_links.keys", "two keys have the same id")
    for index, key in enumerate(links.keys):
        if len(key.secret.reveal()) < MIN_SECRET:
            raise ConfigError(f"audio_links.keys[{index}].secret", f"must have at least {MIN_SECRET} characters")
    if links.public_base and urlsplit(links.public_base).scheme not in ("http", "https"):
        raise ConfigError("audio_links.public_base", "must begin with http:// or https://")
