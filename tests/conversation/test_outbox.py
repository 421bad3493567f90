from __future__ import annotations

import pytest

from mediaserver.commands import BeginSpeech, Command, CreateItem, EndSpeech
from mediaserver.conversation.outbox import KEPT_COMMANDS, KEPT_MS, Outbox
from mediaserver.errors import Unsupported
from mediaserver.items import Item


class Way:
    def __init__(self, *, refuses: bool = False) -> None:
        self.came: list[bytes | Command] = []
        self.refuses = refuses

    def hear(self, pcm: bytes) -> None:
        self.came.append(pcm)

    def send(self, command: Command) -> None:
        if self.refuses:
            raise Unsupported("no")
        self.came.append(command)


def test_everything_comes_in_order_and_straight_through_afterwards() -> None:
    way = Way()
    outbox = Outbox(way)
    begin, end = BeginSpeech(item_id="a"), EndSpeech(item_id="a")
    outbox.send(begin)
    outbox.hear(b"1")
    outbox.send(end)
    assert way.came == []
    assert not outbox.ready
    assert outbox.open() == []
    outbox.hear(b"2")
    assert way.came == [begin, b"1", end, b"2"]


def test_what_the_way_was_opened_with_is_not_given_to_it_again() -> None:
    way = Way()
    outbox = Outbox(way)
    known, new = (CreateItem(item=Item(name, "message", "user")) for name in ("known", "new"))
    outbox.send(known)
    outbox.send(new)
    assert outbox.open({"known"}) == []
    assert way.came == [new]


def test_it_knows_which_items_wait_and_which_were_given_since_a_mark() -> None:
    outbox = Outbox(Way())
    one, two, three = (CreateItem(item=Item(name, "message", "user")) for name in ("one", "two", "three"))
    outbox.send(one)
    assert (outbox.waiting, outbox.given) == ({"one"}, set())
    outbox.open()
    outbox.send(two)
    assert (outbox.waiting, outbox.given) == (set(), {"one", "two"})
    outbox.mark()
    outbox.hold()
    outbox.send(three)
    assert (outbox.waiting, outbox.given) == ({"three"}, set())


def test_what_was_refused_was_not_given() -> None:
    outbox = Outbox(Way(refuses=True))
    outbox.open()
    with pytest.raises(Unsupported):
        outbox.send(CreateItem(item=Item("one", "message", "user")))
    assert not outbox.given


def test_the_oldest_sound_goes_and_no_command() -> None:
    way = Way()
    outbox = Outbox(way)
    outbox.send(BeginSpeech(item_id="a"))
    frames = [number.to_bytes(2, "little") for number in range(KEPT_MS // 20 + 5)]
    for frame in frames:
        outbox.hear(frame)
    outbox.open()
    assert way.came == [BeginSpeech(item_id="a"), *frames[5:]]
    assert outbox.dropped_ms == 100


def test_refusals_are_returned_at_the_opening_and_raised_after_it() -> None:
    outbox = Outbox(Way(refuses=True))
    outbox.send(BeginSpeech(item_id="a"))
    assert [problem.code for problem in outbox.open()] == ["unsupported_by_provider"]
    with pytest.raises(Unsupported):
        outbox.send(BeginSpeech(item_id="b"))


def test_commands_are_bounded() -> None:
    outbox = Outbox(Way())
    for _ in range(KEPT_COMMANDS):
        outbox.send(BeginSpeech(item_id="a"))
    with pytest.raises(Unsupported):
        outbox.send(BeginSpeech(item_id="a"))
