import io
import wave

import numpy as np
import pytest

from bridges.local.wavfile import pcm16
from mediaserver.errors import BridgeError, Unsupported


def wav(samples: np.ndarray, rate: int, *, channels: int = 1, width: int = 2) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return written.getvalue()


def test_what_is_right_already_stays_as_it_is() -> None:
    samples = np.arange(1000, dtype=np.int16)
    assert pcm16(wav(samples, 16000), 16000) == samples.tobytes()


@pytest.mark.parametrize("rate", [8000, 24000, 44100, 48000])
def test_other_rates_are_resampled(rate: int) -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    heard = np.frombuffer(pcm16(wav(tone, rate), 16000), np.int16)
    assert abs(len(heard) - 16000) <= 1
    expected = 8000 * np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16000)
    assert np.abs(heard - expected)[500:-500].max() < 200


def test_channels_are_mixed() -> None:
    both = np.tile(np.array([1000, 3000], np.int16), 1600)
    assert set(np.frombuffer(pcm16(wav(both, 16000, channels=2), 16000), np.int16)) == {2000}


def test_refuses_what_it_cannot_read() -> None:
    with pytest.raises(Unsupported, match="16-bit"):
        pcm16(wav(np.zeros(10, np.uint8), 16000, width=1), 16000)
    for broken in (b"", b"RIFF", b"fLaC" * 20):
        with pytest.raises(BridgeError) as refused:
            pcm16(broken, 16000)
        assert not refused.value.retryable
