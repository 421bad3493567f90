from bridges.llm.chat_request import Dialect, body
from mediaserver.settings import Tool
from mediaserver.speech import Message, Terms

HELLO = (Message("user", "hello"),)


def test_fields_that_a_model_refuses_are_left_out() -> None:
    terms = Terms(max_tokens=9, temperature=0.5)
    told = body(Dialect("m", refuses=frozenset({"temperature"})), HELLO, terms)
    assert "temperature" not in told
    assert told["max_completion_tokens"] == 9
    assert body(Dialect("m", max_tokens_field="max_tokens"), HELLO, terms)["max_tokens"] == 9


def test_the_bound_of_the_options_is_for_sessions_without_one() -> None:
    dialect = Dialect("m", max_tokens=300)
    assert body(dialect, HELLO)["max_completion_tokens"] == 300
    assert body(dialect, HELLO, Terms(max_tokens=9))["max_completion_tokens"] == 9
    assert "max_completion_tokens" not in body(Dialect("m"), HELLO)


def test_obfuscation_is_declined_only_where_it_is_known() -> None:
    assert body(Dialect("m"), HELLO)["stream_options"] == {"include_usage": True}
    assert body(Dialect("m", obfuscates=True), HELLO)["stream_options"]["include_obfuscation"] is False


def test_what_the_options_add_stands_over_ours() -> None:
    told = body(Dialect("m", extra={"stream_options": {}, "seed": 7}), HELLO)
    assert (told["stream_options"], told["seed"]) == ({}, 7)


def test_functions_without_arguments_have_an_empty_schema() -> None:
    told = body(Dialect("m"), HELLO, Terms((Tool("now", "", {}),), "required"))
    assert told["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert told["tool_choice"] == "required"
