from __future__ import annotations

import numpy as np
import pytest

from mediaserver.audio.inbound import Edge, Edges, Inbound, Offset, Onset, Padding
from mediaserver.audio.vad import WebRtcVoice
from tests import clips
from tests.audio.test_levels import noise
from tests.fakes.caller import LoudIsVoice, tone

FRAME = 640


def frames(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + FRAME] for at in range(0, len(pcm) - FRAME + 1, FRAME)]


def edges(inbound: Inbound, pcm: bytes, guard_db: float = -96.0) -> list[Edge]:
    found = [inbound.feed(frame, guard_db=guard_db) for frame in frames(pcm)]
    return [edge for edge in found if edge is not None]


def loud() -> Inbound:
    return Inbound(LoudIsVoice(), Edges(silence_ms=300))


def test_an_onset_and_an_offset_on_the_audio_clock() -> None:
    inbound = loud()
    assert edges(inbound, bytes(32 * 1000) + tone(500) + bytes(32 * 400)) == [Onset(1000), Offset(1500, 500)]
    assert inbound.last_voiced_ms == 1500
    assert inbound.clock_ms == 1900


def test_the_onset_is_certain_after_60_ms_and_the_offset_after_the_silence() -> None:
    inbound = loud()
    assert edges(inbound, tone(40)) == []
    assert edges(inbound, tone(20)) == [Onset(0)]
    assert edges(inbound, bytes(32 * 280)) == []
    assert edges(inbound, bytes(32 * 20)) == [Offset(60, 60)]


def test_scattered_frames_are_no_onset() -> None:
    assert edges(loud(), (tone(20) + bytes(32 * 60)) * 20) == []


def test_a_pause_shorter_than_the_silence_is_part_of_the_speech() -> None:
    assert edges(loud(), tone(300) + bytes(32 * 280) + tone(300) + bytes(32 * 300)) == [Onset(0), Offset(880, 600)]


def test_under_the_guard_a_voice_must_be_louder_and_longer() -> None:
    assert edges(loud(), tone(500, level_db=-30), guard_db=-25) == []
    inbound = loud()
    assert edges(inbound, tone(120, level_db=-20), guard_db=-25) == []
    assert edges(inbound, tone(20, level_db=-20), guard_db=-25) == [Onset(0)]


def test_the_detectors_hangover_is_not_speech() -> None:
    """What follows is 35 dB quieter than the word: the end of a frame's echo, not of the speech."""
    inbound = loud()
    found = edges(inbound, tone(500, level_db=-12) + tone(200, level_db=-47) + bytes(32 * 400))
    assert found == [Onset(0), Offset(500, 500)]


def test_reset_forgets_the_speech() -> None:
    inbound = loud()
    edges(inbound, tone(200))
    inbound.reset()
    assert edges(inbound, bytes(32 * 1000)) == []
    assert not inbound.speaking


def test_retuning_changes_the_next_wait() -> None:
    inbound = loud()
    edges(inbound, tone(200))
    inbound.retune(LoudIsVoice(), Edges(silence_ms=800))
    assert edges(inbound, bytes(32 * 780)) == []
    assert edges(inbound, bytes(32 * 20)) == [Offset(200, 200)]


CLIPS = ["librivox_0880", "goforward", "cards_001", "english123", "something"]


def _mixed(pcm: bytes, noise_db: float | None) -> bytes:
    """The clip at -26 dB with a second of quiet before and after, in noise."""
    speech = np.frombuffer(pcm, "<i2").astype(np.float64)
    speech *= 32768 * 10 ** (-23 / 20) / np.sqrt(np.mean(speech**2))
    quiet = np.zeros(16000)
    whole = np.concatenate([quiet, speech, quiet, quiet])
    if noise_db is not None:
        whole += np.frombuffer(noise(len(whole) // 16 + 1, noise_db), "<i2")[: len(whole)]
    return bytes(np.clip(whole, -32768, 32767).astype("<i2").tobytes())


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("noise_db", [None, -65, -50, -43])
def test_real_speech_is_found_and_nothing_else(name: str, noise_db: float | None) -> None:
    clip = clips.clip(name)
    inbound = Inbound(WebRtcVoice(16000), Edges(silence_ms=700))
    found = edges(inbound, _mixed(clip.pcm, noise_db))
    assert found
    assert len(found) % 2 == 0  # every speech that starts also stops
    first, last = found[0], found[-1]
    assert isinstance(first, Onset)
    assert isinstance(last, Offset)
    end_ms = 1000 + round(clip.seconds * 1000)
    assert 940 <= first.start_ms <= 1000 + 700
    assert end_ms - 900 <= last.end_ms <= end_ms + 60
    assert sum(edge.voiced_ms for edge in found if isinstance(edge, Offset)) > 0.3 * clip.seconds * 1000


@pytest.mark.parametrize("level", [-60, -50, -40, -30])
def test_steady_noise_is_no_speech(level: float) -> None:
    inbound = Inbound(WebRtcVoice(16000), Edges())
    starts = [edge for edge in edges(inbound, noise(10000, level)) if isinstance(edge, Onset)]
    assert len([start for start in starts if start.start_ms > 1000]) == 0


def test_padding_keeps_the_last() -> None:
    padding = Padding(100)
    for number in range(10):
        padding.push(bytes([number]))
    assert padding.ms == 100
    assert padding.last(40) == [b"\x08", b"\x09"]
    assert len(padding.last(1000)) == 5
    assert padding.take() == [bytes([number]) for number in range(5, 10)]
    assert padding.take() == []
