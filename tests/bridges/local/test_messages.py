import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.local.messages import HEADER, Begin, Drop, End, Feed, Finished, Requests, pack, read_reply

REQUESTS = [Begin(1, {"text": "hi"}), Feed(1, b"\0\1" * 300), End(1), Drop(2)]
WIRE = b"".join(map(pack, REQUESTS))


@given(st.lists(st.integers(0, len(WIRE)), max_size=8))
def test_requests_are_found_however_they_arrive(cuts: list[int]) -> None:
    requests, found, edges = Requests(), [], [0, *sorted(cuts), len(WIRE)]
    for begin, end in zip(edges, edges[1:], strict=False):  # noqa: RUF007
        found += requests.feed(WIRE[begin:end])
    assert found == REQUESTS


def test_replies_say_their_kind() -> None:
    assert read_reply(pack(Finished(3, {"text": "hi"}))[HEADER:]) == Finished(3, {"text": "hi"})
    with pytest.raises(msgspec.DecodeError):
        read_reply(b"nonsense")
