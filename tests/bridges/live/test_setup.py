from typing import Any

import pytest

from bridges.live import setup
from bridges.options import GptLive
from mediaserver.errors import Unsupported
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from tests.bridges.live import sdk


def start(settings: Settings, history: tuple[Item, ...] = (), **options: Any) -> dict[str, Any]:
    told = setup.session(GptLive(**options), settings, history)
    sdk.check_sent({"type": "session.start", "session": told})
    return told


def said(role: Any, text: str) -> Item:
    return Item("i", role=role, parts=(Part("input_text", text),))


def test_the_least_is_a_model_a_voice_and_a_format() -> None:
    assert start(Settings("m")) == {
        "model": "gpt-live-1",
        "audio": {"format": {"type": "audio/pcm", "rate": 24000}, "output": {"voice": "marin"}},
        "delegation": {"type": "client"},
    }


def test_a_delegate_gets_the_functions() -> None:
    wanted = Settings(
        "m",
        "Be brief.",
        voice="cedar",
        tools=(Tool("f", "does", {"type": "object", "properties": {}}),),
        tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=False,
        reasoning_effort="low",
    )
    told = start(wanted, delegate_model="gpt-5-mini", delegate_instructions="Look things up.", model="gpt-live-1.1")
    assert told["model"] == "gpt-live-1.1"
    assert told["instructions"] == "Be brief."
    assert told["audio"]["output"] == {"voice": "cedar"}
    assert told["delegation"] == {
        "type": "responses",
        "responses": {
            "model": "gpt-5-mini",
            "instructions": "Look things up.",
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "description": "does",
                    "parameters": {"type": "object", "properties": {}},
                }
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "parallel_tool_calls": False,
            "reasoning": {"effort": "low"},
        },
    }
    change = setup.change(wanted)
    assert "model" not in change["delegation"]["responses"]
    sdk.check_sent({"type": "session.update", "session": change})


def test_functions_without_a_delegate_are_refused() -> None:
    with pytest.raises(Unsupported):
        setup.session(GptLive(), Settings("m", tools=(Tool("f"),)), ())


def test_history_is_text_and_only_the_end_of_a_long_one() -> None:
    history = (
        said("system", "Be kind."),
        Item("c", "function_call", call_id="c1", name="f", arguments="{}"),
        Item("o", "function_call_output", call_id="c1", output="7"),
        said("user", "hello"),
        said("assistant", "hi"),
        Item("e", role="user", parts=(Part("input_audio", None),)),
    )
    told = start(Settings("m"), history)["input"]
    assert [(each["role"], each["content"][0]["type"], each["content"][0]["text"]) for each in told] == [
        ("developer", "input_text", "Be kind."),
        ("developer", "input_text", "The function f was called with {}."),
        ("developer", "input_text", "The function f returned: 7"),
        ("user", "input_text", "hello"),
        ("assistant", "output_text", "hi"),
    ]
    many = setup.recent([said("user", str(number)) for number in range(200)])
    assert [each["content"][0]["text"] for each in many] == [str(number) for number in range(72, 200)]
    long = setup.recent([said("user", "x" * 10_000)] * 5)
    assert len(long) == setup.HISTORY_CHARACTERS // 10_000
