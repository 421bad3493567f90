from typing import Any

import pytest

from bridges.llm.wire import (
    LONGEST_ARGUMENTS,
    MOST_CALLS,
    as_list,
    as_object,
    as_text,
    check_calls,
    clean,
    count,
    read_object,
    used,
)
from mediaserver.errors import BridgeError


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


def test_what_is_used_is_told_in_our_words() -> None:
    usage = used(7, 5, cached=3, thinking=2)
    assert (usage.input_tokens, usage.input_text_tokens, usage.cached_tokens) == (7, 7, 3)
    assert (usage.output_tokens, usage.output_text_tokens, usage.thinking_tokens) == (5, 5, 2)
    assert usage.source == "provider"


@pytest.mark.parametrize("wanted", [(MOST_CALLS + 1, 0), (1, LONGEST_ARGUMENTS + 1)])
def test_too_much_of_functions_is_refused(wanted: tuple[int, int]) -> None:
    check_calls(MOST_CALLS, LONGEST_ARGUMENTS)
    with pytest.raises(BridgeError) as failed:
        check_calls(*wanted)
    assert failed.value.code == "protocol_error"
