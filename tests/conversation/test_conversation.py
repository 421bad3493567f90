from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.conversation.conversation import Conversation, with_text
from mediaserver.errors import BadRequest, NotFound
from mediaserver.items import Item, Part


def said(item_id: str, text: str = "hello", role: str = "user", status: str = "completed") -> Item:
    return Item(item_id, role=role, parts=(Part("input_text", text),), status=status)  # type: ignore[arg-type]


def ids(conversation: Conversation) -> list[str]:
    return [item.id for item in conversation.snapshot()]


def test_items_keep_their_order() -> None:
    one = Conversation()
    assert one.add(said("b")) is None
    assert one.add(said("d")) == "b"
    assert one.add(said("a"), "root") is None
    assert one.add(said("c"), "b") == "b"
    assert ids(one) == ["a", "b", "c", "d"]
    assert (one.last_id, one.before("a"), one.before("d"), one.before("x"), len(one)) == ("d", None, "c", None, 4)


def test_refusals() -> None:
    one = Conversation(max_bytes=4000)
    one.add(said("a"))
    for item, after, param in (
        (said("a"), None, "item.id"),
        (said("b"), "x", "previous_item_id"),
        (said("c", "x" * 1000), None, "item"),
    ):
        with pytest.raises(BadRequest) as refused:
            one.add(item, after)
        assert refused.value.param == param
    for verb in ("retrieve", "truncate", "delete"):
        with pytest.raises(NotFound) as missing:
            one.get("x", verb)  # type: ignore[arg-type]
        assert missing.value.code == f"item_{verb}_invalid_item_id"
    with pytest.raises(NotFound):
        one.delete("x")


def test_the_model_sees_only_what_matters() -> None:
    one = Conversation()
    one.add(said("spoken"))
    one.add(said("silence", ""))
    one.add(Item("unknown", role="user", parts=(Part("input_audio"),)))
    one.add(said("being made", "Once upon", "assistant", "in_progress"))
    one.add(said("unheard", "", "assistant", "incomplete"))
    one.add(Item("call", "function_call", call_id="1", name="time", arguments="{}"))
    one.add(Item("output", "function_call_output", call_id="1", output="noon"))
    assert ids(one) == ["spoken", "call", "output"]
    one.replace(with_text(said("being made", "x", "assistant", "incomplete"), "Once", full_text="Once upon a time"))
    assert [item.text for item in one.snapshot()][1] == "Once"
    one.replace(said("never there"))
    one.write("never there", "hello")
    assert "never there" not in one
    one.write("unknown", "words at last")
    assert ids(one)[:2] == ["spoken", "unknown"]


def test_the_oldest_is_forgotten_and_no_output_without_its_call() -> None:
    one = Conversation(max_items=3)
    one.add(Item("call", "function_call", call_id="1"))
    one.add(said("a"))
    one.add(Item("output", "function_call_output", call_id="1", output="noon"))
    one.add(said("b"))
    assert ids(one) == ["a", "b"]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 120), st.booleans()), max_size=80))
def test_the_bounds_hold(story: list[tuple[int, int, bool]]) -> None:
    one = Conversation(max_items=8, max_bytes=1000)
    for number, length, delete in story:
        name = f"item_{number}"
        if name in one:
            one.delete(name) if delete else one.replace(said(name, "x" * length))
        else:
            one.add(said(name, "x" * length), "root" if delete else None)
        assert len(one) <= 8
        assert sum(len(item.text) + 64 for item in one.snapshot()) <= 1000
        assert name in one or delete
