from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sse import LONGEST, EventData, Events
from mediaserver.errors import BridgeError

WIRE = b': ping\r\n\r\ndata: {"a":1}\r\n\r\nevent: x\ndata: one\ndata: two\n\ndata:[DONE]'


@given(st.lists(st.integers(0, len(WIRE)), max_size=8))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    events, found = Events(), []
    edges = [0, *sorted(cuts), len(WIRE)]
    for begin, end in pairwise(edges):
        found += events.feed(WIRE[begin:end])
    found += events.finish()
    assert found == [('{"a":1}', ""), ("one\ntwo", "x"), ("[DONE]", "")]


def test_refuses_an_endless_event() -> None:
    with pytest.raises(BridgeError):
        list(Events().feed(b"data: " + b"x" * LONGEST))


def test_refuses_an_event_of_endless_lines() -> None:
    events = Events()
    with pytest.raises(BridgeError):
        for _ in range(20):
            list(events.feed(b"data: " + b"x" * (LONGEST // 10) + b"\n"))


def test_names_can_be_left_out() -> None:
    data = EventData()
    assert [*data.feed(WIRE), *data.finish()] == ['{"a":1}', "one\ntwo", "[DONE]"]
