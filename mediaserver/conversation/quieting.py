"""Less noise behind the caller's voice, for whoever listens to it here: the detectors of turns, the model, a supervisor."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mediaserver.audio.denoise import Denoiser, MakeDenoiser, find_denoiser
from mediaserver.bridge import Feature
from mediaserver.config import Noise


@dataclass(frozen=True, slots=True)
class Quiet:
    """What takes noise out of a call, and whether of every call or of those that ask for it (``noise_reduction``)."""

    make: MakeDenoiser
    always: bool


def quiet(noise: Noise) -> Quiet | None:
    """Return what the configuration wants. Raises ConfigError when its package is not installed."""
    return None if noise.suppress == "off" else Quiet(find_denoiser(), noise.suppress == "always")


class Quieter:
    """The caller's frames in, PCM16 mono at ``rate`` Hz, as many out, late by less than 10 ms where noise is taken out.

    ``can`` is what the provider does by itself: one that reduces noise is not done out of it when a client asks.
    """

    def __init__(self, how: Quiet | None, rate: int, can: AbstractSet[Feature]) -> None:
        self._how = how
        self._rate = rate
        self._asked_elsewhere = "noise_reduction" in can
        self._denoiser: Denoiser | None = None

    def feed(self, pcm: bytes, wanted: str | None) -> bytes:
        """Take a frame while the client wants this kind of noise reduction, ``None`` for none."""
        how = self._how
        if how is None or not (how.always or (wanted is not None and not self._asked_elsewhere)):
            self._denoiser = None
            return pcm
        if self._denoiser is None:
            self._denoiser = how.make(self._rate)
        return self._denoiser.feed(pcm)
