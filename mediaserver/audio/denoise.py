"""Less noise behind a voice, for recordings that somebody sent and for a caller who asks for it.

The work is done by the noise suppressor of WebRTC, the one in Chrome, from the package ``pywebrtc-audio``
(https://pypi.org/project/pywebrtc-audio): statistics of each frequency, no network, a frame out for each frame in.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from mediaserver.errors import ConfigError

PACKAGE = "pywebrtc_audio"

_LEVEL = 1
"""Of 0 to 3, which take away 6, 12, 18 and 21 dB; what takes away more takes consonants along."""


class Denoiser(Protocol):
    """Takes noise out of one voice, in order."""

    def feed(self, frame: bytes) -> bytes:
        """Return as much sound as came, PCM16 mono, late by less than 10 ms. Whole multiples of 10 ms."""
        ...


MakeDenoiser = Callable[[int], Denoiser]
"""Makes one for a rate in Hz."""


class WebRtcDenoiser:
    """Satisfies :class:`Denoiser` for any rate from 8000 Hz. Raises ConfigError when its package is not installed."""

    def __init__(self, rate: int) -> None:
        self._processor: Any = _module().AudioProcessor(sample_rate=rate, noise_suppression=True, ns_level=_LEVEL)

    def feed(self, frame: bytes) -> bytes:
        """Return the frame with less noise in it."""
        quieter: bytes = self._processor.process(np.frombuffer(frame, "<i2")).tobytes()
        return quieter


def find_denoiser() -> MakeDenoiser:
    """Return what makes denoisers. Raises ConfigError when its package is not installed."""
    _module()
    return WebRtcDenoiser


def _module() -> Any:
    try:
        return import_module(PACKAGE)
    except ImportError:
        raise ConfigError("noise.suppress", "needs pip install 'mediaserver[denoise]'") from None
