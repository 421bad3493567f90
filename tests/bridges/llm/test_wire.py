from typing import Any

import pytest

from bridges.llm.wire import as_list, as_object, as_text, clean, count, read_object


@pytest.mark.parametrize("data", ["", "no", "[]", "null", "[" * 50_000, "9" * 10_000, '{"a": ' + "9" * 10_000 + "}"])
def test_what_is_no_object_is_empty(data: str) -> None:
    assert read_object(data) == {}


def test_a_field_of_another_type_counts_as_absent() -> None:
    told: Any = {"object": [], "list": {}, "text": 7, "count": True}
    assert (as_object(told["object"]), as_list(told["list"]), as_text(told["text"])) == ({}, (), "")
    assert [count({"n": value}, "n") for value in (True, -1, "7", None, 7)] == [0, 0, 0, 0, 7]


def test_half_a_pair_of_surrogates_does_not_reach_the_voice() -> None:
    assert clean("a\ud800b") == "a?b"
    assert clean("größe 😀") == "größe 😀"
