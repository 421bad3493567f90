from bridges.hybrid.history import NO_RESULT, messages
from mediaserver.items import Item, Part
from mediaserver.speech import Message, ToolRequest


def user(text: str | None) -> Item:
    return Item("u", role="user", parts=(Part("input_audio", text),))


def assistant(heard: str, written: str = "") -> Item:
    return Item("a", role="assistant", parts=(Part("output_audio", heard, written or heard),))


def call(name: str, call_id: str) -> Item:
    return Item("c", "function_call", call_id=call_id, name=name, arguments="{}")


def output(call_id: str, text: str) -> Item:
    return Item("o", "function_call_output", call_id=call_id, output=text)


def test_the_assistant_said_what_was_heard_of_it() -> None:
    made = messages([user("hi"), assistant("Hello", "Hello and welcome"), user(None), user("go on")], "be kind")
    assert made == (
        Message("system", "be kind"),
        Message("user", "hi"),
        Message("assistant", "Hello"),
        Message("user", "go on"),
    )


def test_leaves_out_what_nobody_heard() -> None:
    assert messages([user("hi"), assistant("", "Hello")]) == (Message("user", "hi"),)


def test_every_call_is_answered_right_after_it() -> None:
    made = messages([user("w"), call("f", "1"), call("g", "2"), user("well?"), output("1", "rain")])
    assert made == (
        Message("user", "w"),
        Message("assistant", calls=(ToolRequest("1", "f", "{}"), ToolRequest("2", "g", "{}"))),
        Message("tool", "rain", call_id="1"),
        Message("tool", NO_RESULT, call_id="2"),
        Message("user", "well?"),
    )


def test_an_output_without_its_call_is_left_out() -> None:
    assert messages([output("9", "x"), user("hi")]) == (Message("user", "hi"),)


def test_forgets_the_oldest_first_and_calls_with_their_outputs() -> None:
    items = [call("f", "1"), output("1", "x" * 50), user("y" * 40), user("z" * 40)]
    assert [message.text[:1] for message in messages(items, budget=100)] == ["y", "z"]
    assert [message.text[:1] for message in messages(items, budget=10)] == ["z"]
