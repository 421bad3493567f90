"""Redundant audio in RTP (RFC 2198): earlier payloads that travel in a later packet once more. Pure.

A packet is a header of four bytes for each earlier payload, oldest first, one byte for its own, and then the payloads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MOST_BLOCKS = 8
"""Blocks in one packet that we take, its own included."""

MOST_OFFSET = (1 << 14) - 1
MOST_LENGTH = (1 << 10) - 1
"""What fits into the header of an earlier payload: units of the RTP clock before the packet's own time, and bytes."""

MOST_BYTES = 1140
"""Of a payload that we write: with RTP header, extensions and SRTP tag the packet stays at 1200."""


class Block(NamedTuple):
    """One payload, ``offset`` units of the RTP clock before its packet's timestamp; 0 for the packet's own."""

    payload_type: int
    offset: int
    payload: bytes


def parse(data: bytes) -> list[Block] | None:
    """Return the blocks in the order of the packet, its own last; None for what is no such packet. Never raises."""
    heads, start = _heads(data)
    if not heads or start + sum(length for _, _, length in heads) > len(data):
        return None
    blocks = []
    for payload_type, offset, length in heads[:-1]:
        blocks.append(Block(payload_type, offset, data[start : start + length]))
        start += length
    return [*blocks, Block(heads[-1][0], 0, data[start:])] if start < len(data) else None


def _heads(data: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """Return (payload type, offset, length) of each block, and where the payloads begin; nothing when it does not end."""
    heads: list[tuple[int, int, int]] = []
    at = 0
    while at < len(data) and len(heads) < MOST_BLOCKS:
        if not data[at] & 0x80:
            return [*heads, (data[at], 0, 0)], at + 1
        if at + 4 > len(data):
            break
        bits = int.from_bytes(data[at : at + 4], "big")
        heads.append((bits >> 24 & 0x7F, bits >> 10 & MOST_OFFSET, bits & MOST_LENGTH))
        at += 4
    return [], 0


def serialise(payload_type: int, payload: bytes, timestamp: int, earlier: Sequence[tuple[int, bytes]]) -> bytes | None:
    """Return ``payload`` behind those of ``earlier`` (timestamp, payload; oldest first) that fit, None when none does."""
    fitting = list(_fitting(len(payload), timestamp, earlier))[::-1]
    if not fitting:
        return None
    heads = b"".join(_head(payload_type, offset, len(copy)) for offset, copy in fitting)
    return b"".join((heads, bytes((payload_type,)), *(copy for _, copy in fitting), payload))


def _fitting(own: int, timestamp: int, earlier: Sequence[tuple[int, bytes]]) -> Iterable[tuple[int, bytes]]:
    """Yield (offset, payload) from the latest on, for as long as they fit: a gap among them would help nobody."""
    room = MOST_BYTES - 1 - own
    for at, payload in reversed(earlier):
        offset, room = timestamp - at & 0xFFFFFFFF, room - 4 - len(payload)
        if not 0 < offset <= MOST_OFFSET or len(payload) > MOST_LENGTH or room < 0:
            return
        yield offset, payload


def _head(payload_type: int, offset: int, length: int) -> bytes:
    return ((0x80 | payload_type) << 24 | offset << 10 | length).to_bytes(4, "big")
