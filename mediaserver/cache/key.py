"""The names of what is kept: hashes of everything that makes a result what it is, under the tenant it belongs to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from mediaserver.speech import FileAsk, Manner, SoundFile

DIGITS = 64
"""Characters of a key, lower-case hexadecimal."""

_KINDS = {"speech": b"speech 1", "transcript": b"transcript 1", "file": b"file 1"}
"""The version is part of the hash: another number, and nothing that was kept before is found."""


def spoken_key(
    tenant: str, identity: str, rate: int, text: str, voice: str, speed: float, manner: Manner
) -> str | None:
    """Return the name of a spoken text, ``None`` where it has none, because a setting cannot be written down.

    ``identity`` tells the engine, its model and its options from all others, see :func:`engine_identity`. What was spoken
    right before does not count: a phrase that is kept is worth more than the last bit of its melody.
    """
    return _key("speech", tenant, (identity, rate, text, voice, float(speed), replace(manner, before="")))


def written_key(tenant: str, identity: str, sound: SoundFile, ask: FileAsk) -> str | None:
    """Return the name of a file's transcript. Hashes the whole file, about 1 ms a megabyte: do it beside the loop."""
    digest = hashlib.blake2b(sound.data, digest_size=32).hexdigest()
    return _key("transcript", tenant, (identity, digest, sound.kind, ask))


def file_key(tenant: str, spoken: str, extension: str) -> str:
    """Return the name of a spoken text as a file of a format."""
    key = _key("file", tenant, (spoken, extension))
    assert key is not None  # noqa: S101 - strings can be written down
    return key


def engine_identity(settings: Mapping[str, Any]) -> str:
    """Return what tells this engine's results from others': a hash of its options, which may hold a key."""
    return hashlib.blake2b(msgspec.json.encode(dict(settings), order="deterministic"), digest_size=16).hexdigest()


def _key(kind: str, tenant: str, parts: tuple[Any, ...]) -> str | None:
    """Hash under a key made of the tenant, so that no two tenants have a name in common (BLAKE2, RFC 7693 §2.9)."""
    try:
        written = msgspec.json.encode(parts, order="deterministic")
        whose = hashlib.blake2b(tenant.encode(), digest_size=64).digest()
    except (TypeError, ValueError, RecursionError):
        return None
    return hashlib.blake2b(written, digest_size=DIGITS // 2, key=whose, person=_KINDS[kind]).hexdigest()
