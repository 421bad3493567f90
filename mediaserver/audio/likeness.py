"""Is what the microphone hears our own voice? The sounds themselves tell, before their levels can. Pure.

An echo is what was played, later, weaker and coloured by a loudspeaker and a room: somewhere in what has just left lies a
stretch that runs with it, sample by sample. Another voice runs with none, were it as loud and as fast.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WINDOW_MS = 80
"""How much of the microphone is laid beside what was played: shorter, and two vowels of two voices are alike."""

ALIKE = 0.33
"""The correlation from which on it is an echo. Of simulated ones (rooms of 0.2 to 0.5 s, clipping loudspeakers) 3 % lie
below, and of other voices 7 % above."""

_RATE = 8000

Samples = npt.NDArray[np.float32]


def likeness(played: bytes, play_rate: int, heard: bytes, hear_rate: int, noise_db: float = -96.0) -> float:
    """Return the highest correlation, 0 to 1, of what was heard with any stretch as long of what was played.

    PCM16 mono at multiples of 8000 Hz; ``noise_db`` is how far the noise of the room lies below what was heard: what is
    noise runs with nothing, and must not speak for another voice. Both are whitened, for all voices are alike in having
    more bass than treble. Costs some 0.2 ms for 0.6 s: it is asked once, not with every frame.
    """
    ours, theirs = _whitened(played, play_rate), _whitened(heard, hear_rate)
    if not 0 < theirs.size <= ours.size:
        return 0.0
    size = _even_more(ours.size)
    spectrum = np.fft.rfft(ours, size) * np.conj(np.fft.rfft(theirs, size))
    together = np.abs(np.fft.irfft(spectrum, size)[: ours.size - theirs.size + 1])
    energy = np.concatenate([[0.0], np.cumsum(np.square(ours, dtype=np.float64))])
    of_stretch = energy[theirs.size :] - energy[: -theirs.size]
    loudest = float(of_stretch.max())
    norms = np.sqrt(np.maximum(of_stretch, 1e-3 * loudest) * float(np.dot(theirs, theirs)))
    clear = max(0.2, 1.0 - float(10.0 ** (noise_db / 10.0)))
    return min(1.0, float((together / np.maximum(norms, 1.0)).max()) / float(np.sqrt(clear)))


def _whitened(pcm: bytes, rate: int) -> Samples:
    """Return the differences of its samples at 8 kHz, which is all of a voice that matters."""
    part = rate // _RATE
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    return np.diff(samples[: samples.size // part * part].reshape(-1, part) @ np.full(part, 1 / part, np.float32))


def _even_more(size: int) -> int:
    """Return the next multiple of 1024: quick to transform, whereas a power of two may be twice as long."""
    return -(-size // 1024) * 1024
