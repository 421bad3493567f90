from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable

import pytest

from mediaserver.audio.judge import MOST_ASKED, Judge

PATIENT_S = 30.0


class Model:
    """Gives the first byte of a question as a hundredth; a question of ``b"w"`` waits for ``go``, ``b"x"`` is a defect."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun: list[bytes] = []
        self.threads: set[int] = set()
        self.niceness = 0

    def __call__(self, pcm: bytes) -> float:
        self.begun.append(pcm)
        self.threads.add(threading.get_ident())
        self.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        if pcm == b"w":
            assert self.go.wait(PATIENT_S)
        if pcm == b"x":
            raise ValueError
        return pcm[0] / 100


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENT_S):
        while not reached():
            await asyncio.sleep(0.005)


async def test_answers_come_on_the_loop_in_order_and_one_thread_makes_them() -> None:
    model, answers = Model(), []
    async with Judge(model, PATIENT_S) as judge:
        for number in (10, 50, 90):
            judge.ask(bytes([number]), lambda value: answers.append((value, threading.get_ident())))
        assert answers == []  # asking does not wait
        await until(lambda: len(answers) == 3)
    here = threading.get_ident()
    assert answers == [(0.1, here), (0.5, here), (0.9, here)]
    assert len(model.threads) == 1 and here not in model.threads
    assert (judge.asked, judge.missed) == (3, 0)


async def test_a_late_answer_is_none_and_what_waited_behind_it_is_not_looked_at() -> None:
    model, answers = Model(), []
    async with Judge(model, 0.02) as judge:
        judge.ask(b"w", answers.append)
        judge.ask(b"z", answers.append)
        await until(lambda: judge.missed == 2)
        model.go.set()
        await asyncio.sleep(0.05)
        assert answers == []
    assert b"z" not in model.begun


async def test_more_questions_than_can_be_answered_in_time_are_not_asked() -> None:
    model, answers = Model(), []
    async with Judge(model, PATIENT_S) as judge:
        judge.ask(b"w", answers.append)
        for number in range(1, MOST_ASKED + 3):
            judge.ask(bytes([number]), answers.append)
        assert judge.missed == 3
        model.go.set()
        await until(lambda: len(answers) == MOST_ASKED)
    assert answers == [ord("w") / 100, 0.01, 0.02, 0.03]


async def test_a_defect_of_the_model_costs_one_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers: list[float] = []
    async with Judge(Model(), PATIENT_S) as judge:
        judge.ask(b"x", answers.append)
        judge.ask(bytes([70]), answers.append)
        await until(lambda: len(answers) == 1)
        assert (answers, judge.missed) == ([0.7], 1)
    assert "no answer: ValueError" in caplog.text and "answered in time at 1 of 2 pauses" in caplog.text


async def test_closing_ends_the_look_that_is_being_taken_and_begins_no_other() -> None:
    model, answers = Model(), []
    async with Judge(model, PATIENT_S) as judge:
        judge.ask(b"w", answers.append)
        judge.ask(b"z", answers.append)
        await until(lambda: b"w" in model.begun)
        threading.Timer(0.05, model.go.set).start()  # while the loop waits for it
    await asyncio.sleep(0.02)
    assert answers == [] and b"z" not in model.begun


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
async def test_the_thread_gives_way_to_the_loop() -> None:
    model, before = Model(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    async with Judge(model, PATIENT_S):
        assert model.niceness == 19
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


async def test_a_machine_that_is_too_slow_is_told_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with Judge(Model(), -1.0):
            pass
    assert "its answers will come too late" in caplog.text
