"""How a file reaches an engine: as it is where the engine takes it so, else cut in pauses and compressed anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mediaserver.audio.compress import compressed
from mediaserver.audio.files import Decoded
from mediaserver.audio.presets import BALANCED, Preset
from mediaserver.audio.silences import pieces, silent
from mediaserver.audio.wav import whole_wav
from mediaserver.errors import BridgeError
from mediaserver.speech import FileLimits, SoundFile

BY_PAUSES_S = 10.0
"""Seconds of a piece that is to be one segment."""
SHORTEST_PAUSED_S = 2.0

_WRITTEN = {"flac": 34_000, "ogg": 12_000, "wav": 32_100}
"""Kinds that pieces are written in, and bytes per second at most. FLAC first: it takes a twentieth of the work of Opus."""


@dataclass(frozen=True, slots=True)
class Piece:
    """From sample ``start`` to ``end``; ``whole``: the file as it came."""

    start: int
    end: int
    whole: bool = False


def plan(
    sound: Decoded,
    size: int | None,
    limits: FileLimits,
    *,
    by_pauses: bool = False,
    piece_s: float = BALANCED.piece_s,
) -> list[Piece]:
    """Return the pieces in which an engine is given a file of ``size`` bytes; they cover all of it.

    ``size`` ``None``: the sound was changed, so that the file as it came is of no use. ``piece_s``: seconds of a piece at
    most, whatever the engine takes: pieces are written down beside each other.
    """
    fits = size is not None and sound.kind in limits.kinds and size <= limits.max_bytes
    fits = fits and (limits.max_seconds is None or sound.duration <= limits.max_seconds)
    if fits and not by_pauses:
        return [Piece(0, len(sound.pcm), whole=True)]
    if by_pauses:
        return [Piece(*cut) for cut in pieces(sound.pcm, sound.rate, BY_PAUSES_S, SHORTEST_PAUSED_S)]
    return [Piece(*cut) for cut in pieces(sound.pcm, sound.rate, longest(limits, piece_s))]


def longest(limits: FileLimits, piece_s: float = BALANCED.piece_s) -> float:
    """Return the seconds that surely fit into one request."""
    return min(piece_s, limits.max_seconds or piece_s, 0.95 * limits.max_bytes / _WRITTEN[_kind(limits)])


async def taken(
    sound: Decoded, piece: Piece, path: Path, limits: FileLimits, preset: Preset = BALANCED
) -> SoundFile | None:
    """Return a piece as an engine takes it, ``None`` for one in which nobody speaks."""
    part = sound.pcm[piece.start : piece.end]
    if await asyncio.to_thread(silent, part, sound.rate):
        return None
    seconds = len(part) / sound.rate
    if piece.whole:
        return SoundFile(await asyncio.to_thread(path.read_bytes), sound.kind, seconds)
    kind = _kind(limits)
    return SoundFile(await _written(part, sound.rate, kind, preset), kind, seconds)


def _kind(limits: FileLimits) -> str:
    for kind in _WRITTEN:
        if kind in limits.kinds:
            return kind
    raise BridgeError("the engine takes no kind of file that can be written here", retryable=False)


async def _written(pcm: NDArray[np.int16], rate: int, kind: str, preset: Preset) -> bytes:
    if kind == "wav":
        return await asyncio.to_thread(lambda: whole_wav(pcm.tobytes(), rate))
    made = await compressed(pcm, rate, kind, preset)
    return _with_length(made, len(pcm)) if kind == "flac" else made


def _with_length(flac: bytes, samples: int) -> bytes:
    """Return the file with its length in its first block, where a writer that cannot seek leaves 0 (RFC 9639 §8.2)."""
    packed = int.from_bytes(flac[18:26], "big") | samples
    return flac[:18] + packed.to_bytes(8, "big") + flac[26:]
