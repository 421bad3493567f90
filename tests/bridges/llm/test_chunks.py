import json
from typing import Any

import pytest

from bridges.llm.chunks import Completion
from bridges.sse import Event
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import ToolRequest


def chunked(body: Any) -> Event:
    return Event(json.dumps(body))


def read(*deltas: Any, **rest: Any) -> list[Any]:
    completion = Completion()
    texts = [completion.event(chunked({"choices": [{"delta": delta}]})) for delta in deltas]
    completion.event(chunked(rest))
    return [*filter(None, texts), *completion.finish()]


def call(index: int | None, name: str, arguments: Any, id_: str | None = "c") -> dict[str, Any]:
    made = {"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [{key: value for key, value in made.items() if value is not None}]}


@pytest.mark.parametrize(
    "data", ["", "nonsense", "[]", "{}", '{"choices":[]}', '{"choices":[{"delta":null}]}', "null", "[" * 20_000]
)
def test_passes_over_what_says_nothing(data: str) -> None:
    completion = Completion()
    assert completion.event(Event(data)) == ""
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
        completion.event(chunked({"choices": [{"delta": call(0, "f", "x" * 200_000)}]}))
    with pytest.raises(BridgeError):
        for at in range(100):
            completion.event(chunked({"choices": [{"delta": call(at, "f", "", str(at))}]}))


@pytest.mark.parametrize(
    "event",
    [
        Event('{"x_groq": {"error": "over capacity"}}'),
        Event(
            '{"error": {"message": "over capacity", "code": "tool_use_failed", "failed_generation": "secret"}}', "error"
        ),
        Event('{"message": "over capacity"}', "error"),
        Event("over capacity", "error"),
    ],
)
def test_groq_tells_of_an_error_in_several_ways(event: Event) -> None:
    with pytest.raises(BridgeError, match="over capacity") as failed:
        Completion().event(event)
    assert failed.value.retryable
    assert "secret" not in failed.value.message


@pytest.mark.parametrize(("reason", "code"), [("content_filter", "refused"), ("abort", "unavailable")])
def test_an_end_that_is_no_answer_is_a_failure(reason: str, code: str) -> None:
    with pytest.raises(BridgeError) as failed:
        Completion().event(chunked({"choices": [{"delta": {}, "finish_reason": reason}]}))
    assert failed.value.code == code


@pytest.mark.parametrize(("total", "written"), [(15, 8), (12, 5)])
def test_thoughts_are_written_tokens_wherever_they_are_counted(total: int, written: int) -> None:
    counts = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": total}
    (counted,) = read(usage={**counts, "completion_tokens_details": {"reasoning_tokens": 3}})
    assert isinstance(counted, Usage)
    assert (counted.output_tokens, counted.thinking_tokens) == (written, 3)


def test_the_end_is_noticed() -> None:
    completion = Completion()
    assert not completion.over
    completion.event(Event(" [DONE]"))
    assert completion.over
