from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mediaserver.conversation.judging import LEAD_MS, Judging
from tests.fakes.caller import tone


class Questions:
    """Satisfies ``Asks``: keeps what it was asked, and how to answer."""

    def __init__(self) -> None:
        self.sounds: list[bytes] = []
        self.answer: Callable[[float], None] = print

    def ask(self, pcm: bytes, answered: Callable[[float], None]) -> None:
        self.sounds.append(pcm)
        self.answer = answered


def hearing(pcm: bytes, rate: int = 16000) -> tuple[Judging, Questions, list[Any]]:
    taken: list[Any] = []
    questions = Questions()
    judging = Judging(questions, rate, lambda handler, what: taken.append((handler, what)))
    size = rate // 50 * 2
    for at in range(0, len(pcm), size):
        judging.hear(pcm[at : at + size])
    return judging, questions, taken


def test_the_model_is_shown_the_turn_with_a_little_before_it() -> None:
    pcm = tone(5000)
    judging, questions, _ = hearing(pcm)
    judging.ask(1000, print)
    judging.ask(1200, print)
    assert questions.sounds == [pcm[-32 * (1000 + LEAD_MS) :], pcm[-32 * (1200 + LEAD_MS) :]]


def test_eight_seconds_are_kept_however_long_the_turn_is() -> None:
    pcm = tone(9000) + tone(3000, hz=500)
    judging, questions, _ = hearing(pcm)
    judging.ask(12000, print)
    assert questions.sounds == [pcm[-32 * 8000 :]]


def test_the_model_hears_16_khz_whatever_the_call_has() -> None:
    judging, questions, _ = hearing(tone(2000, 8000), 8000)
    judging.ask(1500, print)
    assert len(questions.sounds[0]) == 32 * 2000


def test_the_answer_waits_its_turn_with_everything_else() -> None:
    judging, questions, taken = hearing(tone(1000))
    told: list[float] = []
    judging.ask(500, told.append)
    questions.answer(0.7)
    assert told == []
    ((handler, what),) = taken
    handler(what)
    assert told == [0.7]
