from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from mediaserver.audio.silero import CONTEXT, WINDOW, Samples, SileroNetwork, SileroVoice, find_model
from mediaserver.errors import ConfigError
from tests import clips
from tests.audio.test_levels import noise
from tests.audio.tiny_onnx import needs_runtime
from tests.fakes.caller import LoudIsVoice, tone

LOUD, QUIET = tone(20), bytes(640)


class Scripted:
    """A network that says what it is told to, and counts in its state how often it was asked."""

    def __init__(self, says: Iterable[float]) -> None:
        self._says = iter(says)
        self.asked: list[tuple[int, float]] = []

    def __call__(self, samples: Samples, state: Samples) -> tuple[float, Samples]:
        self.asked.append((samples.size, float(state[0, 0, 0])))
        return next(self._says, 0.0), state + 1


def voice(says: Iterable[float], threshold: float = 0.5) -> tuple[SileroVoice, Scripted]:
    network = Scripted(says)
    return SileroVoice(network, 16000, threshold, gate=LoudIsVoice()), network


def test_the_network_rests_while_the_gate_hears_nothing() -> None:
    one, network = voice([])
    assert not any(one.voiced(QUIET) for _ in range(100))
    assert network.asked == []


def test_the_first_frame_of_a_voice_is_judged_at_once_with_what_was_before_it() -> None:
    one, network = voice([0.9])
    for _ in range(10):
        one.voiced(QUIET)
    assert one.voiced(LOUD)
    assert network.asked == [(CONTEXT + WINDOW, 0.0)]


def test_between_two_windows_the_last_word_holds() -> None:
    one, network = voice([0.9, 0.1, 0.9])
    for _ in range(10):
        one.voiced(QUIET)
    assert [one.voiced(LOUD) for _ in range(5)] == [True, True, False, False, True]
    assert [state for _, state in network.asked] == [0.0, 1.0, 2.0]


def test_a_voice_lasts_a_little_below_the_threshold_and_none_begins_there() -> None:
    one, _ = voice([0.45, 0.55, 0.45, 0.30])
    for _ in range(10):
        one.voiced(QUIET)
    heard = [one.voiced(LOUD) for _ in range(8)]
    assert (heard[0], heard[2], heard[4], heard[5]) == (False, True, True, False)


def test_a_quiet_empties_the_state() -> None:
    one, network = voice([0.9] * 9)
    for frame in [QUIET] * 9 + [LOUD] * 3 + [QUIET] * 19 + [LOUD] + [QUIET] * 20 + [LOUD]:
        one.voiced(frame)
    assert [state for _, state in network.asked] == [0.0, 1.0, 2.0, 0.0]


@pytest.fixture(scope="module")
def network() -> SileroNetwork:
    """The real one, where it is installed."""
    needs_runtime()
    try:
        return SileroNetwork(find_model(""))
    except ConfigError as missing:
        pytest.skip(str(missing))


def share(one: SileroVoice, pcm: bytes) -> float:
    frames = [pcm[at : at + 640] for at in range(0, len(pcm) - 639, 640)]
    return sum(one.voiced(frame) for frame in frames) / len(frames)


def test_a_person_is_a_voice_and_a_tone_is_none(network: SileroNetwork) -> None:
    assert share(SileroVoice(network, 16000), clips.clip("librivox_0880").pcm) > 0.5
    assert share(SileroVoice(network, 16000, gate=LoudIsVoice()), tone(2000)) < 0.1
    assert share(SileroVoice(network, 16000, gate=LoudIsVoice()), noise(2000, -30)) < 0.1


def test_the_real_network_takes_its_state_from_window_to_window(network: SileroNetwork) -> None:
    state = np.zeros((2, 1, 128), np.float32)
    probability, after = network(np.zeros(CONTEXT + WINDOW, np.float32), state)
    assert 0 <= probability <= 1
    assert after.shape == state.shape
