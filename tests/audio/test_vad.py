from __future__ import annotations

import numpy as np
import pytest
import soxr

from mediaserver.audio.vad import LevelVoice, WebRtcVoice, mode
from tests import clips
from tests.audio.test_levels import noise
from tests.fakes.caller import tone


def voiced_share(pcm: bytes, rate: int, threshold: float = 0.5) -> float:
    voice, size = WebRtcVoice(rate, threshold), rate // 50 * 2
    frames = [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
    return sum(voice.voiced(frame) for frame in frames) / len(frames)


def speech(rate: int) -> bytes:
    samples = np.frombuffer(clips.clip("librivox_0880").pcm, "<i2").astype(np.float32)
    return bytes(np.clip(soxr.resample(samples, clips.RATE, rate), -32768, 32767).astype("<i2").tobytes())


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 44100, 48000])
def test_speech_is_voice_at_every_rate(rate: int) -> None:
    assert voiced_share(speech(rate), rate) > 0.5


@pytest.mark.parametrize("rate", [16000, 24000])
def test_noise_and_silence_are_not(rate: int) -> None:
    assert voiced_share(bytes(rate * 2), rate) == 0
    assert voiced_share(noise(4000, -45, rate), rate, 0.9) < 0.1


@pytest.mark.parametrize(("threshold", "expected"), [(0, 0), (0.3, 1), (0.5, 2), (0.8, 3), (1, 3)])
def test_the_threshold_chooses_the_mode(threshold: float, expected: int) -> None:
    assert mode(threshold) == expected


def test_a_frame_of_another_length_is_no_voice() -> None:
    assert not WebRtcVoice(16000).voiced(bytes(100))


@pytest.mark.parametrize(("threshold", "above_db", "heard"), [(0.5, 15, True), (0.5, 9, False), (0.0, 9, True)])
def test_levels_ask_only_how_far_above_the_room_it_is(threshold: float, above_db: float, heard: bool) -> None:
    voice, room = LevelVoice(16000, threshold), noise(3000, -50)
    assert sum(voice.voiced(room[at : at + 640]) for at in range(0, len(room), 640)) < 3
    assert voice.voiced(tone(20, 16000, -50 + above_db)) is heard
