from dataclasses import replace
from typing import Any

import pytest

from bridges.gemini.setup import MAX_HISTORY, functions, line, model_name, output, setup, turns
from bridges.gemini.wire import write
from bridges.options import Gemini
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from tests.bridges.gemini import sdk

SETTINGS = Settings("m")


def made(settings: Settings = SETTINGS, **told: Any) -> dict[str, Any]:
    first = setup(Gemini(**told), settings, history=False, resume=None)
    sdk.check_sent(write({"setup": first}))
    return first


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({}, "models/gemini-3.8-live"),
        ({"model": "tuned/x"}, "tuned/x"),
        (
            {"backend": "vertex", "project": "p"},
            "projects/p/locations/us-central1/publishers/google/models/gemini-3.8-live",
        ),
    ],
)
def test_a_model_has_its_full_name(told: dict[str, Any], name: str) -> None:
    assert model_name(Gemini(**told)) == name


@pytest.mark.parametrize(
    ("detection", "told"),
    [
        (None, {"automaticActivityDetection": {"disabled": True}}),
        (
            TurnDetection(threshold=0.8, silence_duration_ms=300, interrupt_response=False),
            {
                "automaticActivityDetection": {
                    "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
                    "silenceDurationMs": 300,
                },
                "activityHandling": "NO_INTERRUPTION",
            },
        ),
        (
            TurnDetection("semantic_vad", eagerness="low"),
            {
                "automaticActivityDetection": {"endOfSpeechSensitivity": "END_SENSITIVITY_LOW"},
                "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
            },
        ),
    ],
)
def test_turn_detection(detection: TurnDetection | None, told: dict[str, Any]) -> None:
    assert made(replace(SETTINGS, turn_detection=detection))["realtimeInputConfig"] == told


def test_what_is_not_wanted_is_not_told() -> None:
    first = made(replace(SETTINGS, transcription=None, output_modalities=("text",)), writes="text", compression=False)
    absent = {
        "inputAudioTranscription",
        "outputAudioTranscription",
        "contextWindowCompression",
        "tools",
        "historyConfig",
    }
    assert not absent & set(first)
    assert first["generationConfig"] == {"responseModalities": ["TEXT"]}


def test_languages_of_the_caller_are_told_once_each() -> None:
    wanted = Transcription(language="de", languages=("de", "fr"))
    assert made(replace(SETTINGS, transcription=wanted))["inputAudioTranscription"] == {"languageCodes": ["de", "fr"]}


@pytest.mark.parametrize(
    ("told", "effort", "thinking"),
    [
        ({}, "low", None),
        ({"thinking": "high"}, None, {"thinkingLevel": "HIGH"}),
        ({"thinking": "high"}, "minimal", {"thinkingLevel": "MINIMAL"}),
        ({"thinking": "high"}, "xhigh", {"thinkingLevel": "HIGH"}),
        ({"thinking_budget": 0}, "low", {"thinkingBudget": 0}),
    ],
)
def test_thinking(told: dict[str, Any], effort: str | None, thinking: dict[str, Any] | None) -> None:
    assert (
        made(replace(SETTINGS, reasoning_effort=effort), **told)["generationConfig"].get("thinkingConfig") == thinking
    )


def test_functions_are_declared_as_the_model_wants_them() -> None:
    bare, full = Tool("a"), Tool("b", "B.", {"type": "object", "properties": {"x": {"type": "string"}}})
    tools = replace(SETTINGS, tools=(bare, full))
    (told,) = functions(Gemini(tool_behavior="non_blocking"), tools)
    assert told["functionDeclarations"][0] == {"name": "a", "description": "", "behavior": "NON_BLOCKING"}
    assert told["functionDeclarations"][1]["parametersJsonSchema"] == full.parameters
    assert "behavior" not in functions(Gemini(tool_behavior=""), tools)[0]["functionDeclarations"][0]
    assert functions(Gemini(), SETTINGS) == []


def test_a_history_is_bounded_and_keeps_the_newest() -> None:
    items = [Item(f"i{n}", role="user", parts=(Part("input_text", str(n)),)) for n in range(MAX_HISTORY + 5)]
    told = turns(items)
    assert len(told) == MAX_HISTORY
    assert told[-1]["parts"][0]["text"] == str(MAX_HISTORY + 4)
    assert turns((Item("e", role="user", parts=(Part("input_audio", None),)),)) == []


def test_an_item_as_text() -> None:
    assert line(Item("s", role="system", parts=(Part("input_text", "x"),))) == "(note: x)"
    assert line(Item("s", role="system")) == ""


@pytest.mark.parametrize(
    ("text", "error", "response"),
    [
        ("five", False, {"output": "five"}),
        ('{"hour": 5}', False, {"output": {"hour": 5}}),
        ("[" * 10_000, False, {"output": "[" * 10_000}),
        ("broken", True, {"error": "broken"}),
    ],
)
def test_an_output_is_under_the_keys_that_the_model_reads(text: str, error: bool, response: dict[str, Any]) -> None:
    item = Item("o", "function_call_output", call_id="c", output=text, error=error)
    told = output(item, "f", "c")
    assert told == {"id": "c", "name": "f", "response": response}
    sdk.check_sent(write({"toolResponse": {"functionResponses": [told]}}))
    assert "id" not in output(item, "f", None)
