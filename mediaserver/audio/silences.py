"""Where long sound may be cut without cutting a word: in its pauses. Pure; a mapped file is read minute by minute."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_S = 0.02
"""How finely a place for a cut is sought."""

PAUSE_S = 0.2
"""A shorter pause is one inside a word."""

LONG_ENOUGH_S = 1.0
"""A pause that is longer is no better."""

QUIET_DB = 12.0
"""So far above the quietest tenth of the place where a cut is sought it is still a pause ..."""

BELOW_VOICE_DB = 20.0
"""... if it is so far below the loudest tenth."""

SILENCE_DB = -60.0
"""No tenth of a second is louder (dBFS): nobody speaks."""

_CHUNK_S = 60.0
_SMOOTH = 5
_FULL_SCALE = 32768.0


def pieces(pcm: NDArray[np.int16], rate: int, longest_s: float, shortest_s: float = 10.0) -> list[tuple[int, int]]:
    """Return ranges of samples that cover all of ``pcm`` (mono at ``rate`` Hz) one after the other, none over ``longest_s``.

    Cut is in the middle of a pause, the longer and the nearer to the limit the better; where there is none, at the quietest
    moment. None is under ``shortest_s``, or half of ``longest_s`` where that is less, unless the sound itself is.
    """
    longest = max(1, int(longest_s * rate))
    shortest = min(int(shortest_s * rate), longest // 2)
    found, start = [], 0
    while len(pcm) - start > longest:
        latest = min(start + longest, len(pcm) - shortest)
        cut = _cut(pcm, rate, min(start + max(shortest, longest // 2), latest), latest)
        found.append((start, cut))
        start = cut
    if len(pcm) > start:
        found.append((start, len(pcm)))
    return found


def silent(pcm: NDArray[np.int16], rate: int) -> bool:
    """Say whether nobody can be heard anywhere in ``pcm`` (mono at ``rate`` Hz)."""
    return all(levels.max(initial=-np.inf) < SILENCE_DB for levels in _levels(pcm, max(1, rate // 10), rate))


def _cut(pcm: NDArray[np.int16], rate: int, earliest: int, latest: int) -> int:
    """Return the best sample for a cut from ``earliest`` to ``latest``."""
    block = max(1, int(BLOCK_S * rate))
    if latest - earliest < _SMOOTH * block:
        return latest
    levels = np.concatenate(list(_levels(pcm[earliest:latest], block, rate)))
    starts, ends = _pauses(levels)
    place = _best_pause(starts, ends, len(levels)) if len(starts) else _quietest(levels)
    return min(latest, earliest + int(place * block))


def _best_pause(starts: NDArray[np.intp], ends: NDArray[np.intp], blocks: int) -> float:
    lengths = np.minimum((ends - starts) * BLOCK_S, LONG_ENOUGH_S)
    middles = (starts + ends) / 2
    return float(middles[np.argmax(lengths * (0.5 + 0.5 * middles / blocks))])


def _quietest(levels: NDArray[np.float32]) -> float:
    smooth = np.convolve(levels, np.ones(_SMOOTH), "valid")
    return int(np.argmin(smooth)) + _SMOOTH / 2


def _pauses(levels: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return first and one past the last block of each pause."""
    floor, voice = np.percentile(levels, (10, 90))
    limit = max(min(floor + QUIET_DB, voice - BELOW_VOICE_DB), SILENCE_DB)
    quiet = np.concatenate(([False], levels <= limit, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(quiet))
    starts, ends = edges[::2], edges[1::2]
    long = (ends - starts) * BLOCK_S >= PAUSE_S
    return starts[long], ends[long]


def _levels(pcm: NDArray[np.int16], block: int, rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield the level of each whole block in dBFS, of a minute at a time; of what is less than a block, of that."""
    block = min(block, max(1, len(pcm)))
    step = max(1, int(_CHUNK_S * rate) // block) * block
    for start in range(0, len(pcm), step):
        part = pcm[start : start + step]
        blocks = part[: len(part) // block * block].reshape(-1, block).astype(np.float32)
        power = np.einsum("ij,ij->i", blocks, blocks) / block
        yield 10 * np.log10(np.maximum(power, 1e-3) / _FULL_SCALE**2)
