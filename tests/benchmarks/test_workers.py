"""Beside one worker: what each further one carries, and a real run of two."""

import dataclasses

from benchmarks.generator import Result
from benchmarks.servers import OURS, measure
from benchmarks.workers import row


def result(calls, cpu):
    return Result(calls, calls, [10.0, 20.0], 2, 0.0, 0.0, 1.0, cpu, 100.0, 5, 10.0, 0.0)


def test_two_workers_at_the_same_cost_carry_twice_as_much():
    one, two = [result(10, 20.0)], [result(20, 40.0)]
    assert row(2, two, one)[-2:] == ["2.00", "2.00"]


def test_a_dearer_call_is_a_smaller_ratio():
    one, two = [result(10, 20.0)], [result(20, 50.0)]
    assert row(2, two, one)[-2:] == ["2.50", "1.60"]


def test_two_workers_serve_the_calls_of_both():
    run = measure(dataclasses.replace(OURS, workers=2), 4, 1)
    assert run.connected == 4
    assert run.lost_pct < 50
    assert run.cpu_pct > 0
