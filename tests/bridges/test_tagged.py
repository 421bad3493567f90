from __future__ import annotations

import msgspec
import pytest

from bridges.codec import Garbled
from bridges.tagged import Tagged


class Ping(msgspec.Struct):
    number: int


READ = Tagged({"ping": Ping}, "this is none of ours")


def test_a_known_type_is_read_and_another_is_named() -> None:
    assert READ.read('{"type": "ping", "number": 3, "more": 1}') == ("ping", Ping(3))
    assert READ.read('{"type": "news", "number": "x"}') == ("news", None)
    assert "ping" in READ and "news" not in READ


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", "{}", '{"type": 1}', '{"type": "ping"}', '{"type": "ping", "number": "3"}', "[" * 9999, "\ud800"],
)
def test_what_is_none_is_garbled(text: str) -> None:
    with pytest.raises(Garbled, match="this is none of ours"):
        READ.read(text)
