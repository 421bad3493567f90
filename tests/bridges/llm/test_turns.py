from bridges.llm.turns import BEGIN, GO_ON, Turn, arguments, system, turns
from mediaserver.speech import Message, ToolRequest

CALL = ToolRequest("a", "f", "{}")


def said(*messages: Message) -> list[tuple[str, list[str]]]:
    return [(turn.role, [message.text for message in turn.messages]) for turn in turns(messages)]


def test_what_one_says_without_a_break_is_one_turn() -> None:
    history = (Message("user", "a"), Message("user", "b"), Message("assistant", "c"), Message("user", "d"))
    assert said(*history) == [("user", ["a", "b"]), ("assistant", ["c"]), ("user", ["d"])]


def test_what_functions_answered_comes_first() -> None:
    history = (
        Message("user", "a"),
        Message("assistant", calls=(CALL, CALL)),
        Message("user", "b"),
        Message("tool", "one", call_id="a"),
        Message("tool", "two", call_id="b"),
    )
    assert said(*history)[-1] == ("user", ["one", "two", "b"])


def test_the_user_begins_and_ends() -> None:
    assert said() == [("user", [BEGIN])]
    assert said(Message("system", "x"), Message("assistant", "hello")) == [
        ("user", [BEGIN]),
        ("assistant", ["hello"]),
        ("user", [GO_ON]),
    ]


def test_who_says_nothing_takes_no_turn() -> None:
    assert said(Message("user", "a"), Message("assistant", " "), Message("user", "b")) == [("user", ["a", "b"])]
    assert turns([Message("user", "a"), Message("assistant", calls=(CALL,)), Message("tool", call_id="a")])[2] == Turn(
        "user", (Message("tool", call_id="a"),)
    )


def test_the_system_is_apart() -> None:
    assert system([Message("system", "a"), Message("user", "b"), Message("system", "c")]) == ["a", "c"]


def test_arguments_that_are_no_object_are_an_empty_one() -> None:
    assert [dict(arguments(ToolRequest("a", "f", text))) for text in ('{"x": 1}', "[]", "no", "[" * 50_000)] == [
        {"x": 1},
        {},
        {},
        {},
    ]
