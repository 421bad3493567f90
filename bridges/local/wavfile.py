"""The sound of a WAV file as local engines want it."""

from __future__ import annotations

import io
import wave

import numpy as np
import soxr

from mediaserver.errors import BridgeError, Unsupported


def pcm16(data: bytes, rate: int) -> bytes:
    """Return PCM16 mono at ``rate`` Hz of a WAV file with 16-bit samples; channels are mixed. It takes a while.

    Raises BridgeError.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, given = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames: bytes = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        raise BridgeError("the WAV file cannot be read", code="invalid_value", retryable=False) from None
    if width != 2:
        raise Unsupported("local engines take WAV files with 16-bit samples")
    if channels == 1 and given == rate:
        return frames
    samples = np.frombuffer(frames[: len(frames) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    mono = soxr.resample(samples.astype(np.float32).mean(axis=1), given, rate)
    return bytes(np.clip(np.rint(mono), -32768, 32767).astype("<i2").tobytes())
