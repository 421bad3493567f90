from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mediaserver.audio.echo import EchoGuard
from mediaserver.audio.levels import SILENCE_DB

FLOOR = -60.0


RECORDED = json.loads(Path(__file__).with_name("envelopes.json").read_text())
"""How loud three sentences were that people spoke: as hexadecimal, a byte for each 20 ms, dB below full scale."""


def envelope(name: str) -> list[float]:
    """A recorded voice as levels, one per 20 ms."""
    return [-float(level) for level in bytes.fromhex(RECORDED[name])]


REPLY = (envelope("librivox_0870") + envelope("librivox_0930")) * 2
VOICE = envelope("librivox_0880")


def room(loss_db: float, lag: int) -> list[float]:
    """What a microphone hears of the reply: later, weaker, over the noise of the room."""
    jitter = np.random.default_rng(2).normal(0, 1.0, len(REPLY))
    echo = [SILENCE_DB] * lag + REPLY
    return [float(max(FLOOR + jitter[i], echo[i] - loss_db)) for i in range(len(REPLY))]


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


def test_the_guard_rests_when_nothing_is_played() -> None:
    guard = EchoGuard()
    assert guard.idle
    assert run(guard, [SILENCE_DB] * 100, [-20.0] * 100) == [SILENCE_DB] * 100
    run(guard, REPLY[:50], room(10, 5)[:50])
    after = run(guard, [SILENCE_DB] * 60, [FLOOR] * 60)
    assert after[0] > SILENCE_DB
    assert after[-1] == SILENCE_DB
    assert guard.idle
