from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from mediaserver.audio.echo import EchoGuard
from mediaserver.audio.levels import SILENCE_DB

FLOOR = -60.0


RECORDED = json.loads(Path(__file__).with_name("envelopes.json").read_text())
"""How loud three sentences were that people and two synthesisers spoke: hexadecimal, a byte for 20 ms, dB below full
scale."""


def envelope(name: str) -> list[float]:
    """A recorded voice as levels, one per 20 ms."""
    return [-float(level) for level in bytes.fromhex(RECORDED[name])]


REPLY = (envelope("librivox_0870") + envelope("librivox_0930")) * 2
VOICE = envelope("librivox_0880")


def room(loss_db: float, lag: int, reply: list[float] = REPLY) -> list[float]:
    """What a microphone hears of the reply: later, weaker, over the noise of the room."""
    jitter = np.random.default_rng(2).normal(0, 1.0, len(reply))
    echo = [SILENCE_DB] * lag + reply
    return [float(max(FLOOR + jitter[i], echo[i] - loss_db)) for i in range(len(reply))]


def run(guard: EchoGuard, played: list[float], heard: list[float]) -> list[float]:
    return [guard.feed(out, back, FLOOR) for out, back in zip(played, heard, strict=True)]


@pytest.mark.parametrize("lag", [3, 10, 20])
@pytest.mark.parametrize("loss", [3, 12, 25])
def test_our_own_voice_does_not_pass(loss: float, lag: int) -> None:
    guard = EchoGuard()
    heard = room(loss, lag)
    gates = run(guard, REPLY, heard)
    passing = sum(level > gate and level > FLOOR + 6 for level, gate in zip(heard, gates, strict=True))
    assert passing <= 0.02 * len(heard)
    assert guard.loss_db == pytest.approx(loss, abs=6)


def test_a_caller_with_echo_cancellation_is_heard_at_once() -> None:
    guard = EchoGuard()
    gates = run(guard, REPLY, [FLOOR] * len(REPLY))
    assert gates[100:] == [SILENCE_DB] * len(gates[100:])
    assert guard.loss_db == EchoGuard.NO_ECHO_DB


def test_a_caller_close_to_the_microphone_is_heard_over_the_echo() -> None:
    """Twenty dB of loss: the caller's own voice is louder than what comes back of ours."""
    guard = EchoGuard()
    run(guard, REPLY, room(20, 8))
    both = [max(echo, voice) for echo, voice in zip(room(20, 8)[: len(VOICE)], VOICE, strict=True)]
    gates = run(guard, REPLY[: len(VOICE)], both)
    spoken = [(level, gate) for level, voice, gate in zip(both, VOICE, gates, strict=True) if voice > -30]
    assert sum(level > gate for level, gate in spoken) > 0.6 * len(spoken)


def passing(gates: list[float], heard: list[float], voice: list[float]) -> float:
    """The share of a voice's loud frames that is louder than what the guard asks for."""
    spoken = [(level, gate) for level, own, gate in zip(heard, voice, gates, strict=True) if own > max(voice) - 15]
    return sum(level > gate for level, gate in spoken) / len(spoken)


@pytest.mark.parametrize("speaker", ["librivox", "pico", "espeak"])
@pytest.mark.parametrize("known_loss", [20, 30, None])
def test_two_voices_that_keep_step_for_a_while_are_no_echo(known_loss: float | None, speaker: str) -> None:
    """Ours and the caller's are the same voice, as loud and as fast: wherever the caller begins to speak."""
    reply = (envelope(f"{speaker}_0870") + envelope(f"{speaker}_0930")) * 2
    voice = envelope(f"{speaker}_0880")
    back = [FLOOR] * len(reply) if known_loss is None else room(known_loss, 8, reply)
    experienced = EchoGuard()
    run(experienced, reply, back)
    for start in range(0, len(reply) - len(voice), 74):
        guard = deepcopy(experienced)
        known, end = guard.loss_db, start + len(voice)
        both = [max(echo, own) for echo, own in zip(back[start:end], voice, strict=True)]
        gates = run(guard, reply[start:end], both)
        assert passing(gates, both, voice) > 0.8
        assert known is not None
        assert guard.loss_db is not None
        assert guard.loss_db >= known - 6


@pytest.mark.parametrize("speaker", ["librivox", "pico", "espeak"])
def test_an_echo_that_becomes_louder_is_learnt_within_two_seconds(speaker: str) -> None:
    reply = envelope(f"{speaker}_0870") + envelope(f"{speaker}_0930")
    guard = EchoGuard()
    run(guard, reply, room(22, 8, reply))
    heard = room(8, 8, reply)
    gates = run(guard, reply, heard)
    late = [level > gate and level > FLOOR + 6 for level, gate in zip(heard, gates, strict=True)][100:]
    assert sum(late) <= 0.02 * len(late)
    assert guard.loss_db == pytest.approx(8, abs=2)


def test_in_a_room_with_reverberation_a_louder_echo_is_believed_when_it_insists() -> None:
    """The room fills every pause: what was played less a loss is not all of what is heard."""
    decay = 10 ** (-60 * np.arange(60) * 0.02 / 0.7 / 10)
    power = np.convolve(10 ** (np.array(REPLY) / 10), decay / decay.sum())[: len(REPLY)]
    wet = [float(level) for level in 10 * np.log10(power + 1e-12)]
    guard = EchoGuard()
    run(guard, REPLY, [FLOOR] * len(REPLY))
    heard = room(10, 8, wet)
    gates = run(guard, REPLY, heard)
    late = [level > gate and level > FLOOR + 6 for level, gate in zip(heard, gates, strict=True)][200:]
    assert sum(late) <= 0.05 * len(late)


def test_the_guard_rests_when_nothing_is_played() -> None:
    guard = EchoGuard()
    assert guard.idle
    assert run(guard, [SILENCE_DB] * 100, [-20.0] * 100) == [SILENCE_DB] * 100
    run(guard, REPLY[:50], room(10, 5)[:50])
    after = run(guard, [SILENCE_DB] * 60, [FLOOR] * 60)
    assert after[0] > SILENCE_DB
    assert after[-1] == SILENCE_DB
    assert guard.idle


def test_a_caller_who_goes_on_as_the_reply_begins_is_heard_before_any_echo_can_be_back() -> None:
    guard = EchoGuard()
    nearest = EchoGuard.NEAREST_MS // 20
    gates = [guard.feed(-10.0, -12.0, FLOOR) for _ in range(nearest + 1)]
    assert gates[:nearest] == [SILENCE_DB] * nearest
    assert gates[nearest] > -12.0
