"""What load callers say: to the echo without a pause, to a model that takes turns for three seconds at a time."""

from __future__ import annotations

import base64
from functools import cache

from benchmarks.sound import LOOP, encoded, loop
from benchmarks.turns import PERIOD, TURN, silence

ECHO, TURNS = "echo", "lean"
SPREAD = 37
"""Frames between two callers' beginnings."""


@cache
def _packets() -> list[bytes]:
    return encoded()


@cache
def _appends() -> list[str]:
    pcm = loop()[::2].tobytes()
    size = len(pcm) // LOOP
    return [_append(pcm[at : at + size]) for at in range(0, len(pcm), size)]


@cache
def _quiet() -> str:
    return _append(bytes(960))


def _append(pcm: bytes) -> str:
    return f'{{"type":"input_audio_buffer.append","audio":"{base64.b64encode(pcm).decode()}"}}'


def speaks(model: str, frame: int) -> bool:
    """Say whether the frame with this number, of 20 ms, is one of speech."""
    return model == ECHO or frame % PERIOD < TURN


def packet(model: str, frame: int) -> bytes:
    """Return a frame as Opus."""
    return _packets()[frame % LOOP] if speaks(model, frame) else silence()


def append(model: str, frame: int) -> str:
    """Return a frame as an event of the contract: PCM16 at 24 kHz in base64."""
    return _appends()[frame % LOOP] if speaks(model, frame) else _quiet()
