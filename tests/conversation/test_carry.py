from __future__ import annotations

from mediaserver.conversation.carry import QUOTED, Unfinished, carry, continuation, is_complete
from mediaserver.items import Item, Part, Role, Status


def said(name: str, role: Role, text: str | None, status: Status = "completed") -> Item:
    kind = "output_audio" if role == "assistant" else "input_audio"
    return Item(name, role=role, parts=(Part(kind, text),), status=status)


def call(name: str, status: Status = "completed") -> Item:
    return Item(f"fc_{name}", "function_call", status=status, call_id=name, name="weather", arguments="{}")


def output(name: str) -> Item:
    return Item(f"out_{name}", "function_call_output", call_id=name, output="sunny")


def test_finished_items_in_order() -> None:
    items = [said("1", "system", "Be kind."), said("2", "user", "Hello"), said("3", "assistant", "Good day.")]
    assert carry(items) == tuple(items)


def test_what_nobody_wrote_down_is_left_out_as_its_sound_is_said_again() -> None:
    items = [said("1", "user", "Hello"), said("2", "user", None), said("3", "user", "")]
    assert [item.id for item in carry(items)] == ["1"]


def test_the_unfinished_reply_says_only_what_was_heard() -> None:
    items = [said("1", "user", "When?"), said("2", "assistant", "We open at nine and close at six.", "in_progress")]
    kept = carry(items, Unfinished("2", "We open at nine"))
    assert kept[1].text == "We open at nine"
    assert kept[1].status == "incomplete"
    assert kept[1].parts[0].full_text == "We open at nine and close at six."


def test_a_reply_that_nobody_heard_is_left_out() -> None:
    items = [said("1", "user", "When?"), said("2", "assistant", "We open", "in_progress")]
    assert [item.id for item in carry(items, Unfinished("2", " "))] == ["1"]
    assert [item.id for item in carry(items)] == ["1"]
    assert [item.id for item in carry(items, Unfinished("9", "We open"))] == ["1"]


def test_a_reply_whose_parts_had_not_come_is_left_out() -> None:
    items = [Item("1", role="assistant", status="in_progress")]
    assert carry(items, Unfinished("1", "We open")) == ()


def test_a_reply_that_was_interrupted_before_stays_as_it_was_heard() -> None:
    items = [said("1", "assistant", "We open", "incomplete")]
    assert carry(items) == tuple(items)


def test_calls_go_with_their_outputs_and_outstanding_ones_stay() -> None:
    items = [call("a"), output("a"), call("b"), call("c", "in_progress"), output("lost")]
    kept = carry(items)
    assert [item.id for item in kept] == ["fc_a", "out_a", "fc_b"]


def test_the_instruction_quotes_where_to_go_on() -> None:
    text = continuation("We  open\nat nine and")
    assert '"We open at nine and"' in text
    assert "Repeat nothing" in text


def test_a_long_reply_is_quoted_from_a_word_near_its_end() -> None:
    text = continuation("word " * 5000 + "end")
    assert 'word end"' in text
    assert '"… word' in text
    assert len(text) < QUOTED + 250


def test_a_complete_reply_needs_no_continuation() -> None:
    assert is_complete("We open at nine.", written=True)
    assert not is_complete("We open at nine.", written=False)
    assert not is_complete("We open at nine and", written=True)
