from collections.abc import Sequence
from typing import Any

import pytest

from bridges.llm.gemini_request import UNSIGNED, body
from bridges.llm.options import GeminiChat
from bridges.llm.signatures import Signatures
from mediaserver.settings import Tool
from mediaserver.speech import FREE, Message, Terms, ToolRequest

HELLO = (Message("system", "be brief"), Message("user", "hello"))
TOOLS = (Tool("f", "", {}), Tool("g", "", {"properties": {"x": {"type": "integer"}}}))
CALLED = (
    *HELLO,
    Message("assistant", calls=(ToolRequest("a", "f", "{}"), ToolRequest("b", "g", '{"x": 1}'))),
    Message("tool", '{"ok": true}', call_id="a"),
    Message("tool", "no JSON", call_id="b"),
)


def asked(
    model: str, messages: Sequence[Message], terms: Terms = FREE, signatures: Signatures | None = None, **options: Any
) -> dict[str, Any]:
    return body(GeminiChat(model=model, **options), signatures or Signatures(), messages, terms)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("g", {"mode": "ANY", "allowedFunctionNames": ["g"]}),
    ],
)
def test_which_function_must_be_called(choice: str, told: dict[str, Any]) -> None:
    made = asked("m", HELLO, Terms(TOOLS, choice))
    assert made["toolConfig"] == {"functionCallingConfig": told}
    assert [tool.get("parametersJsonSchema") for tool in made["tools"][0]["functionDeclarations"]] == [
        None,
        TOOLS[1].parameters,
    ]


def test_answers_name_their_function() -> None:
    answers = asked("m", CALLED)["contents"][2]["parts"]
    assert answers == [
        {"functionResponse": {"id": "a", "name": "f", "response": {"output": {"ok": True}}}},
        {"functionResponse": {"id": "b", "name": "g", "response": {"output": "no JSON"}}},
    ]


def signed(model: str, signatures: Signatures) -> list[str | None]:
    return [
        part.get("thoughtSignature") for part in asked(model, CALLED, signatures=signatures)["contents"][1]["parts"]
    ]


def test_signatures_go_back_as_they_came() -> None:
    kept = Signatures()
    kept.keep("a", "c2lnbmVk")
    assert signed("gemini-3.5-flash", kept) == signed("gemini-2.5-flash", kept) == ["c2lnbmVk", None]


def test_a_call_that_another_model_made_is_told_to_be_unsigned() -> None:
    assert signed("gemini-3.5-flash", Signatures()) == [UNSIGNED, None]
    assert signed("gemini-2.5-flash", Signatures()) == [None, None]


def test_how_it_generates() -> None:
    assert "generationConfig" not in asked("m", HELLO)
    assert asked("m", HELLO, Terms(temperature=0.0), max_tokens=9, thinking="low")["generationConfig"] == {
        "temperature": 0.0,
        "maxOutputTokens": 9,
        "thinkingConfig": {"thinkingLevel": "LOW"},
    }
    told = asked("m", HELLO, Terms(max_tokens=5), max_tokens=9, thinking_budget=0)["generationConfig"]
    assert told == {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 0}}
