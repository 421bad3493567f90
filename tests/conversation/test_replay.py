from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mediaserver.conversation.replay import LEAD_MS, Replay


def frame(number: int) -> bytes:
    return number.to_bytes(4, "little") * 160


def heard(count: int, kept_ms: int = 60_000) -> Replay:
    replay = Replay(kept_ms)
    for number in range(count):
        replay.hear(frame(number))
    return replay


def test_all_that_no_provider_has_settled_is_said_again() -> None:
    replay = heard(100)
    assert replay.take() == tuple(frame(number) for number in range(100))
    assert (replay.clock_ms, replay.kept_ms, replay.dropped_ms) == (2000, 2000, 0)
    assert replay.take() == replay.take()


def test_a_settled_turn_is_forgotten_and_what_came_after_it_is_not() -> None:
    replay = heard(50)
    replay.mark("item_1", 800)
    replay.hear(frame(50))
    replay.resolved("item_1")
    assert replay.take() == tuple(frame(number) for number in range(40, 51))
    assert replay.clock_ms == 1020
    assert replay.unsettled == ()


def test_a_frame_that_lies_across_the_end_of_a_turn_is_kept() -> None:
    replay = heard(50)
    replay.mark("item_1", 810)
    replay.resolved("item_1")
    assert replay.take()[0] == frame(40)


def test_turns_are_settled_in_any_order_and_an_older_one_with_the_later() -> None:
    replay = heard(100)
    replay.mark("item_1", 400)
    replay.mark("item_2", 1200)
    replay.mark("item_3")
    assert replay.unsettled == ("item_1", "item_2", "item_3")
    replay.resolved("item_2")
    assert replay.unsettled == ("item_3",)
    replay.resolved("item_1")
    replay.resolved("nobody's")
    assert replay.take()[0] == frame(60)


def test_beyond_the_bound_the_oldest_is_dropped_and_counted() -> None:
    replay = heard(150, kept_ms=2000)
    assert replay.take() == tuple(frame(number) for number in range(50, 150))
    assert (replay.dropped_ms, replay.clock_ms) == (1000, 3000)


def test_silence_is_not_said_again_but_for_a_lead() -> None:
    replay = heard(500)
    replay.silent(replay.clock_ms)
    assert replay.kept_ms == LEAD_MS
    replay.mark("item_1")
    for number in range(500, 700):
        replay.hear(frame(number))
    replay.silent(replay.clock_ms)
    assert replay.kept_ms == LEAD_MS + 4000


class EveryFrame(RuleBasedStateMachine):
    """No frame after the last settled turn is missing, whatever the order of things."""

    def __init__(self) -> None:
        super().__init__()
        self.replay = Replay(4000)
        self.count = 0
        self.settled_ms = 0
        self.ends: dict[str, int] = {}

    @rule(frames=st.integers(1, 60))
    def hear(self, frames: int) -> None:
        for _ in range(frames):
            self.replay.hear(frame(self.count))
            self.count += 1

    @rule(back=st.integers(0, 900))
    def mark(self, back: int) -> None:
        name, end = f"item_{len(self.ends)}", max(0, self.count * 20 - back)
        self.replay.mark(name, end)
        self.ends[name] = end

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        if self.replay.unsettled:
            name = data.draw(st.sampled_from(self.replay.unsettled))
            self.replay.resolved(name)
            self.settled_ms = max(self.settled_ms, self.ends[name])

    @invariant()
    def complete(self) -> None:
        first = max(self.settled_ms // 20, self.count - 200)
        assert self.replay.take() == tuple(frame(number) for number in range(first, self.count))
        assert self.replay.clock_ms == self.count * 20


TestEveryFrame = EveryFrame.TestCase
