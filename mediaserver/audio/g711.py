"""G.711 µ-law and A-law as tables (ITU-T G.711); PCM16 little-endian mono at 8000 Hz on the other side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5


def decode_ulaw(payload: bytes) -> bytes:
    """Return two bytes of PCM for each byte of µ-law."""
    pcm: NDArray[np.int16] = _ULAW_TO_PCM[np.frombuffer(payload, np.uint8)]
    return pcm.tobytes()


def decode_alaw(payload: bytes) -> bytes:
    """Return two bytes of PCM for each byte of A-law."""
    pcm: NDArray[np.int16] = _ALAW_TO_PCM[np.frombuffer(payload, np.uint8)]
    return pcm.tobytes()


def encode_ulaw(pcm: bytes) -> bytes:
    """Return one byte of µ-law for each sample."""
    coded: NDArray[np.uint8] = _PCM_TO_ULAW[np.frombuffer(pcm, "<u2")]
    return coded.tobytes()


def encode_alaw(pcm: bytes) -> bytes:
    """Return one byte of A-law for each sample."""
    coded: NDArray[np.uint8] = _PCM_TO_ALAW[np.frombuffer(pcm, "<u2")]
    return coded.tobytes()


def _ulaw_levels() -> NDArray[np.int16]:
    """Decode every µ-law code: bits inverted, sign, 3 bits of exponent, 4 of mantissa, a bias of 33 (G.711 table 2)."""
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = ((mantissa * 2 + 33) << exponent) - 33
    return (np.where(code & 0x80, -magnitude, magnitude) * 4).astype(np.int16)


def _alaw_levels() -> NDArray[np.int16]:
    """Decode every A-law code: even bits inverted, sign, exponent, mantissa (G.711 table 1)."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = np.where(exponent == 0, mantissa * 2 + 1, (mantissa * 2 + 33) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) * 8).astype(np.int16)


def _nearest(levels: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Give each of the 65536 samples the code whose level is nearest."""
    order = np.argsort(levels, kind="stable")
    ordered = levels[order].astype(np.int32)
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    middles = (ordered[1:] + ordered[:-1] + 1) // 2
    return order[np.searchsorted(middles, samples, side="right")].astype(np.uint8)


_ULAW_TO_PCM = _ulaw_levels()
_ALAW_TO_PCM = _alaw_levels()
_PCM_TO_ULAW = _nearest(_ULAW_TO_PCM)
_PCM_TO_ALAW = _nearest(_ALAW_TO_PCM)
