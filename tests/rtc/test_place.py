"""The place of a call on the clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mediaserver.audio.ticker import EARLY, STEP, Tick
from mediaserver.rtc.place import SOON, Place
from mediaserver.rtc.rhythm import Rhythm


class Joined:
    """Stands in for the ticker: the places that are taken now, and all that were asked for."""

    def __init__(self) -> None:
        self.now: dict[object, float | None] = {}
        self.asked: list[tuple[float | None, int]] = []

    def join(self, tick: Tick, phase: float | None = None, spread: int = 1) -> Callable[[], None]:
        key = object()
        self.now[key] = phase
        self.asked.append((phase, spread))

        def leave() -> None:
            self.now.pop(key, None)

        return leave


class Rig:
    def __init__(self, *, live: bool = False) -> None:
        self.ticker, self.time = Joined(), 100.0
        self.place = Place(self.ticker, lambda now, due: None, lambda: self.time)  # type: ignore[arg-type]
        self.place.follow(live=live)
        self.place.join()

    @property
    def moves(self) -> list[tuple[float | None, int]]:
        """Where it was moved to since it joined; it is ticked in one place at a time."""
        assert len(self.ticker.now) == 1
        return self.ticker.asked[1:]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_first_place_is_anywhere(rig: Rig) -> None:
    assert rig.ticker.asked == [(None, 1)]


def test_a_reply_begins_at_the_next_moment_and_keeps_its_place(rig: Rig) -> None:
    rig.place.ticked(sounding=False, awaited=None)
    rig.time = 100.0123
    rig.place.queued(due=True)
    rig.place.queued(due=True)
    rig.place.ticked(sounding=True, awaited=None)
    rig.place.queued(due=True)
    assert rig.moves == [(100.0123 + EARLY, SOON)]


def test_the_next_reply_begins_anew(rig: Rig) -> None:
    for _ in range(2):
        rig.place.queued(due=True)
        rig.place.ticked(sounding=True, awaited=None)
        rig.place.ticked(sounding=False, awaited=None)
    assert len(rig.moves) == 2


def test_less_than_a_frame_moves_nothing(rig: Rig) -> None:
    rig.place.queued(due=False)
    assert not rig.moves


def test_a_pause_of_the_caller_is_followed_while_nothing_is_said(rig: Rig) -> None:
    rig.place.ticked(sounding=True, awaited=100.005)
    assert not rig.moves
    rig.place.ticked(sounding=False, awaited=100.025)
    rig.place.ticked(sounding=False, awaited=None)
    assert rig.moves == [(100.025 + EARLY, 1)]


def test_live_sound_keeps_its_own_rhythm() -> None:
    rig = Rig(live=True)
    rig.place.ticked(sounding=False, awaited=100.005)
    for frame in range(2 * Rhythm.ENOUGH):
        rig.time = 100.007 + frame * 0.02
        rig.place.queued(due=True)
    ((phase, spread),) = rig.moves
    assert (phase, spread) == (pytest.approx(0.007 + Rhythm.MARGIN, abs=STEP / 10), 1)


@pytest.mark.parametrize("live", [False, True])
def test_who_has_left_is_not_ticked_again(live: bool) -> None:
    rig = Rig(live=live)
    rig.place.leave()
    rig.place.leave()
    for frame in range(2 * Rhythm.ENOUGH):
        rig.time = 100.007 + frame * 0.02
        rig.place.queued(due=True)
    rig.place.ticked(sounding=False, awaited=100.0)
    assert not rig.ticker.now
