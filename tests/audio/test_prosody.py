from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mediaserver.audio.inbound import Edges, Inbound, Offset
from mediaserver.audio.prosody import LOOK_MS, prosody
from mediaserver.audio.vad import WebRtcVoice
from tests import clips
from tests.audio.test_levels import noise


def voice(pitches: list[float], level_db: float = 0.0, rate: int = 16000) -> bytes:
    """A buzz with six harmonics that glides through these pitches in half a second, ``level_db`` louder at its end."""
    at = np.linspace(0, len(pitches) - 1, rate // 2)
    hertz = np.interp(at, range(len(pitches)), pitches)
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    buzz = sum(np.sin(number * phase) / number for number in range(1, 7))
    return bytes((3000 * buzz * 10 ** (np.linspace(0, level_db, at.size) / 20)).astype("<i2").tobytes())


def voiced_part(pcm: bytes) -> bytes:
    """What of a clip lies before its last voiced sample, as the inbound way finds it."""
    inbound = Inbound(WebRtcVoice(clips.RATE), Edges(silence_ms=200))
    padded = pcm + bytes(clips.RATE)
    edges = [inbound.feed(padded[at : at + 640]) for at in range(0, len(padded) - 639, 640)]
    ends = [edge.end_ms for edge in edges if isinstance(edge, Offset)]
    return padded[: ends[-1] * clips.RATE // 500]


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
@pytest.mark.parametrize("hertz", [90, 130, 210, 300])
def test_a_pitch_that_is_held_a_pitch_that_falls_and_one_that_rises(hertz: float, rate: int) -> None:
    held, falling, rising = ([hertz] * 4, [hertz, hertz, hertz * 0.8], [hertz, hertz, hertz * 1.25])
    found = [prosody(voice(pitches, rate=rate), rate) for pitches in (held, falling, rising)]
    pitches = [one.pitch_st for one in found if one is not None and one.pitch_st is not None]
    assert abs(pitches[0]) < 0.4
    assert pitches[1] < -1.5
    assert pitches[2] > 1.5


def test_the_level_falls_with_the_voice() -> None:
    levels = [found.level_db for db in (-20, 0, 10) if (found := prosody(voice([120, 120], db), 16000)) is not None]
    assert all(one < other for one, other in pairwise(levels))
    assert levels[0] < -5


def test_noise_has_no_pitch() -> None:
    found = prosody(noise(500, -30), 16000)
    assert found is not None
    assert found.pitch_st is None


@pytest.mark.parametrize("pcm", [b"", bytes(640), voice([120, 120])[:3200], bytes(32 * LOOK_MS)])
def test_too_little_or_nothing_is_no_defect(pcm: bytes) -> None:
    found = prosody(pcm, 16000)
    assert found is None or found.pitch_st is None


def test_people_come_to_rest_at_the_end_of_a_sentence() -> None:
    names = ("beach", "cards_001", "english123", "librivox_0930", "numbers", "something")
    found = [prosody(voiced_part(clips.clip(name).pcm), clips.RATE) for name in names if clips.clip(name).human]
    assert all(one is not None and (one.pitch_st is None or one.pitch_st < 0.5) for one in found)
    assert sum(one is not None and one.level_db < -3 for one in found) >= len(found) / 2
