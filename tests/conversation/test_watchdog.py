from __future__ import annotations

from collections.abc import Callable
from copy import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.conversation.watchdog import Alertness, Watchdog

ALERT = Alertness()


def watchdog() -> Watchdog:
    return Watchdog(ALERT)


def test_nothing_is_due_while_nothing_is_owed() -> None:
    one = watchdog()
    assert one.due is None
    assert one.check(1e9) is None


def test_an_answer_that_is_due_and_nothing_at_all_is_a_stall() -> None:
    one = watchdog()
    one.reply_due(10.0)
    assert one.due == 11.5
    assert one.check(11.49) is None
    assert one.check(11.5) == "stalled"


def test_signs_of_life_without_an_answer_earn_a_filler_once_and_then_an_end() -> None:
    one = watchdog()
    one.reply_due(10.0)
    verdicts = []
    for tenth in range(100):
        now = 10.0 + tenth / 10
        one.progress(now)
        verdicts.append((round(now, 1), one.check(now)))
    assert [each for each in verdicts if each[1] is not None][:2] == [(11.5, "filler"), (18.0, "slow")]


def test_an_answer_that_has_begun_must_go_on() -> None:
    one = watchdog()
    one.reply_due(10.0)
    one.reply_began(11.0)
    one.progress(12.0)
    assert one.due == 13.5
    one.reply_over()
    assert one.due is None


def test_asked_again_the_time_runs_on() -> None:
    one = watchdog()
    one.reply_due(10.0)
    one.reply_due(11.0)
    assert one.due == 11.5


@pytest.mark.parametrize("kind", ["speaking", "tools"])
def test_while_the_model_waits_for_others_nothing_is_due(kind: str) -> None:
    one = watchdog()
    one.reply_due(10.0)
    one.set_speaking(True, 10.2) if kind == "speaking" else one.set_tools(2, 10.2)
    assert (one.waiting, one.due) == (True, None)
    one.set_speaking(False, 14.0) if kind == "speaking" else one.set_tools(0, 14.0)
    assert one.due == 15.5


def test_an_expected_sign_of_life_that_does_not_come() -> None:
    one = watchdog()
    one.expect(10.0)
    one.expect(15.0)
    assert one.check(20.0) == "silent"
    one.progress(20.0)
    assert one.due is None


def test_the_next_provider_has_the_whole_time_for_what_is_owed() -> None:
    one = watchdog()
    one.reply_due(10.0)
    one.reply_began(10.5)
    one.expect(10.6)
    one.restart(13.0)
    assert one.due == 14.5
    one.progress(14.0)
    assert one.check(14.5) == "filler"
    assert one.check(14.5) is None


STEPS: dict[str, Callable[[Watchdog, float], None]] = {
    "due": Watchdog.reply_due,
    "began": Watchdog.reply_began,
    "over": lambda one, _now: one.reply_over(),
    "progress": Watchdog.progress,
    "expect": Watchdog.expect,
    "speak": lambda one, now: one.set_speaking(True, now),
    "hush": lambda one, now: one.set_speaking(False, now),
    "tool": lambda one, now: one.set_tools(1, now),
    "no tool": lambda one, now: one.set_tools(0, now),
    "restart": Watchdog.restart,
}


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(sorted(STEPS))), max_size=80))
def test_it_barks_when_it_says_it_will_and_never_without_a_reason(steps: list[tuple[float, str]]) -> None:
    one, now = watchdog(), 0.0
    for wait, step in steps:
        now += wait
        STEPS[step](one, now)
        due = one.due
        if due is None:
            assert one.check(now + 1e6) is None
        else:
            assert one.check(due - 1e-6) is None
            assert copy(one).check(due) is not None
        if one.waiting:
            assert copy(one).check(now + 1e6) in (None, "silent")
