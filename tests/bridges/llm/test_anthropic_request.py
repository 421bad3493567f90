from typing import Any

import pytest

from bridges.llm.anthropic_request import body
from bridges.llm.options import Anthropic
from mediaserver.settings import Tool
from mediaserver.speech import Message, Terms, ToolRequest

HELLO = (Message("system", "be brief"), Message("user", "hello"))
TOOLS = (Tool("f", "", {}), Tool("g", "", {"properties": {"x": {"type": "integer"}}}))
MODEL = Anthropic(model="m")


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ("g", {"type": "tool", "name": "g"}),
    ],
)
def test_which_function_must_be_called(choice: str, told: dict[str, str]) -> None:
    assert body(MODEL, HELLO, Terms(TOOLS, choice))["tool_choice"] == told


def test_functions_have_a_schema_of_an_object() -> None:
    schemas = [tool["input_schema"] for tool in body(MODEL, HELLO, Terms(TOOLS))["tools"]]
    assert schemas[0] == {"type": "object", "properties": {}}
    assert schemas[1] == {"type": "object", "properties": {"x": {"type": "integer"}}}


def test_the_fixed_beginning_can_be_cached() -> None:
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    told = body(Anthropic(model="m", cache="1h"), (*HELLO, Message("system", "later")), Terms(TOOLS))
    assert [each.keys() & mark.keys() for each in told["system"]] == [mark.keys(), set()]
    assert told["system"][0]["cache_control"] == mark["cache_control"]
    assert "cache_control" not in told["tools"][-1]
    assert "cache_control" in body(MODEL, HELLO[1:], Terms(TOOLS))["tools"][-1]
    assert "cache_control" not in str(body(Anthropic(model="m", cache="off"), HELLO, Terms(TOOLS)))


def test_the_length_is_bounded_always() -> None:
    assert body(MODEL, HELLO)["max_tokens"] == 4096
    assert body(MODEL, HELLO, Terms(max_tokens=9))["max_tokens"] == 9


def test_calls_that_another_model_made_have_ids_that_are_taken_here() -> None:
    history = (
        *HELLO,
        Message("assistant", calls=(ToolRequest("functions.f:0", "f", '{"x": 1}'),)),
        Message("tool", "one", call_id="functions.f:0"),
    )
    messages: list[Any] = body(MODEL, history, Terms(TOOLS))["messages"]
    assert messages[1]["content"] == [{"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {"x": 1}}]
    assert messages[2]["content"][0]["tool_use_id"] == "functions_f_0"


def test_functions_that_were_called_are_declared_still() -> None:
    call = ToolRequest("a", "f", "{}")
    told = body(MODEL, (*HELLO, Message("assistant", calls=(call,)), Message("tool", "one", call_id="a")))
    assert [tool["name"] for tool in told["tools"]] == ["f"]
    assert told["tool_choice"] == {"type": "none"}
    assert "tools" not in body(MODEL, HELLO)


def test_what_the_options_add_stands_over_ours() -> None:
    told = body(Anthropic(model="m", extra={"max_tokens": 7, "speed": "fast"}), HELLO)
    assert (told["max_tokens"], told["speed"]) == (7, "fast")
