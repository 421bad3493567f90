from bridges.llm.chat_request import Dialect
from bridges.llm.responses_request import body
from mediaserver.settings import Tool
from mediaserver.speech import Message, Terms, ToolRequest

HELLO = (Message("system", "be brief"), Message("user", "hello"))


def test_the_conversation_is_a_list_of_items() -> None:
    history = (
        *HELLO,
        Message("assistant", calls=(ToolRequest("a", "f", "{}"),)),
        Message("tool", "one", call_id="a"),
    )
    assert body(Dialect("m"), (), history)["input"] == [
        {"type": "message", "role": "system", "content": "be brief"},
        {"type": "message", "role": "user", "content": "hello"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "one"},
    ]


def test_the_providers_tools_stand_beside_ours() -> None:
    told = body(Dialect("m"), ("web_search", "x_search"), HELLO, Terms((Tool("f", "", {}),), "f"))
    assert [tool["type"] for tool in told["tools"]] == ["web_search", "x_search", "function"]
    assert told["tool_choice"] == {"type": "function", "name": "f"}
    assert (told["store"], "stream_options" in told) == (False, False)


def test_bounds_and_what_a_model_refuses() -> None:
    dialect = Dialect("m", max_tokens=9, refuses=frozenset({"temperature"}), obfuscates=True, extra={"seed": 1})
    told = body(dialect, (), HELLO, Terms(temperature=0.5))
    assert (told["max_output_tokens"], "temperature" in told, told["seed"]) == (9, False, 1)
    assert told["stream_options"] == {"include_obfuscation": False}
