"""A line that is cut for a moment is whole again both ways, and what never comes back is told apart."""

import pytest

from benchmarks import outages
from benchmarks.outages import GIVE_UP_S, NEVER, repeated

pytestmark = pytest.mark.campaign


async def test_sound_comes_back_both_ways_after_a_hole(monkeypatch):
    monkeypatch.setattr(outages, "HOLE_S", 0.5)
    [(up, down)] = await repeated(1, outages._hole)
    assert up < GIVE_UP_S
    assert down < GIVE_UP_S


async def test_a_nat_that_forgets_costs_both_ways_something():
    [(up, down)] = await repeated(1, outages._rebind)
    assert up < GIVE_UP_S
    assert down < GIVE_UP_S


async def test_a_hole_that_stays_is_never_over(monkeypatch):
    monkeypatch.setattr(outages, "GIVE_UP_S", 0.5)

    async def gone(call, proxy):
        proxy.hole = True

    assert await repeated(1, gone) == [(NEVER, NEVER)]
