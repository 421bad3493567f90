import json
from typing import Any

import pytest

from bridges.llm.chunks import Completion
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import ToolRequest


def read(*deltas: Any, **rest: Any) -> list[Any]:
    completion = Completion()
    texts = [completion.chunk(json.dumps({"choices": [{"delta": delta}]})) for delta in deltas]
    completion.chunk(json.dumps(rest))
    return [*filter(None, texts), *completion.finish()]


def call(index: int | None, name: str, arguments: Any, id_: str | None = "c") -> dict[str, Any]:
    made = {"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [{key: value for key, value in made.items() if value is not None}]}


@pytest.mark.parametrize("data", ["", "nonsense", "[]", "{}", '{"choices":[]}', '{"choices":[{"delta":null}]}', "null"])
def test_passes_over_what_says_nothing(data: str) -> None:
    completion = Completion()
    assert completion.chunk(data) == ""
    assert list(completion.finish()) == []


def test_thoughts_are_not_spoken() -> None:
    assert "".join(read({"content": "<thi"}, {"content": "nk>hm</think>Hel"}, {"content": "lo <b"})) == "Hello <b"
    assert read({"reasoning_content": "hm", "content": None}, {"reasoning": "hm"}) == []


def test_tool_calls_without_an_index_or_all_with_the_same() -> None:
    assert read(call(None, "f", "{}", "a")) == [ToolRequest("a", "f", "{}")]
    both = read(call(0, "f", '{"x":1}', "a"), call(0, "g", "{}", "b"))
    assert both == [ToolRequest("a", "f", '{"x":1}'), ToolRequest("b", "g", "{}")]


def test_arguments_as_an_object_and_calls_without_an_id() -> None:
    (made,) = read(call(0, "f", {"x": 1}, None))
    assert (made.name, json.loads(made.arguments)) == ("f", {"x": 1})
    assert made.call_id.startswith("call_")


def test_usage_where_groq_puts_it() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    (counted,) = read(x_groq={"usage": usage})
    assert isinstance(counted, Usage)
    assert (counted.input_tokens, counted.output_tokens, counted.cached_tokens) == (5, 2, 4)


def test_limits_what_a_server_can_make_us_keep() -> None:
    completion = Completion()
    with pytest.raises(BridgeError):
        completion.chunk(json.dumps({"choices": [{"delta": call(0, "f", "x" * 200_000)}]}))
    with pytest.raises(BridgeError):
        for at in range(100):
            completion.chunk(json.dumps({"choices": [{"delta": call(at, "f", "", str(at))}]}))
