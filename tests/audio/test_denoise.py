import sys

import numpy as np
import pytest

from mediaserver.audio.denoise import PACKAGE, WebRtcDenoiser, find_denoiser
from mediaserver.errors import ConfigError


def test_without_its_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(ConfigError, match=r"mediaserver\[denoise\]"):
        find_denoiser()


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_noise_gets_weaker_and_a_voice_stays(rate):
    pytest.importorskip(PACKAGE, reason="pywebrtc-audio is not installed")
    time = np.arange(4 * rate) / rate
    noise = 300 * np.random.default_rng(1).standard_normal(4 * rate)
    voice = 8000 * np.sin(2 * np.pi * 300 * time) * (np.sin(2 * np.pi * 2 * time) > 0) * (time > 2)
    noisy = (noise + voice).astype("<i2")
    denoiser, frame = WebRtcDenoiser(rate), rate // 50
    quieter = [denoiser.feed(noisy[at : at + frame].tobytes()) for at in range(0, len(noisy), frame)]
    assert {len(part) for part in quieter} == {2 * frame}
    sound = np.frombuffer(b"".join(quieter), "<i2").astype(float)
    assert sound[rate : 2 * rate].std() < 0.6 * noisy[rate : 2 * rate].astype(float).std()
    assert sound[2 * rate :].std() > 0.7 * voice[2 * rate :].std()
