from typing import Any

import pytest

from bridges.elevenlabs import opening as told
from bridges.options import ElevenLabs
from mediaserver.bridge import Opening
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Transcription

SETTINGS = Settings("m", "Be brief.", voice="nora", speed=1.2, transcription=Transcription(language="de"))
SAID = Item("i", role="user", parts=(Part("input_audio", "hello"),))


def agent(*overrides: Any, **more: Any) -> ElevenLabs:
    return ElevenLabs(agent_id="a", overrides=overrides, **more)


def test_nothing_is_overridden_that_was_not_allowed() -> None:
    assert told.overrides(agent(first_message="Hi", language="fr"), Opening(SETTINGS)) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prompt", {"agent": {"prompt": {"prompt": "Be brief."}}}),
        ("first_message", {"agent": {"first_message": "Hi"}}),
        ("language", {"agent": {"language": "de"}}),
        ("voice", {"tts": {"voice_id": "nora"}}),
        ("speed", {"tts": {"speed": 1.2}}),
        ("text_only", {}),
    ],
)
def test_each_override_alone(name: str, expected: dict[str, Any]) -> None:
    assert told.overrides(agent(name, first_message="Hi"), Opening(SETTINGS)) == expected


def test_the_configured_language_and_an_agent_that_only_writes() -> None:
    settings = Settings("m", output_modalities=("text",), transcription=None)
    assert told.overrides(agent("language", "text_only", language="fr"), Opening(settings)) == {
        "agent": {"language": "fr"},
        "conversation": {"text_only": True},
    }


def test_in_mid_conversation_the_greeting_is_taken_out_or_not_listened_to() -> None:
    later = Opening(SETTINGS, (SAID,))
    assert told.overrides(agent("first_message", first_message="Hi"), later) == {"agent": {"first_message": ""}}
    assert told.greets_again(agent(), later)
    assert not told.greets_again(agent("first_message"), later)
    assert not told.greets_again(agent(), Opening(SETTINGS))


def test_the_history_becomes_lines_and_is_bounded() -> None:
    history = (
        SAID,
        Item("c", "function_call", call_id="c1", name="find", arguments="{}"),
        Item("o", "function_call_output", call_id="c1", output="shipped"),
        Item("s", role="system", parts=(Part("input_text", "Ada calls"),)),
        Item("e", role="assistant", parts=(Part("output_audio", None),)),
    )
    instructions, said = told.context(agent(), Opening(SETTINGS, history))
    assert instructions == "Instructions for this conversation: Be brief."
    assert said.splitlines()[1:] == [
        "User: hello",
        "You called find with {}",
        "The function answered: shipped",
        "Note: Ada calls",
    ]
    long = tuple(Item(str(n), role="user", parts=(Part("input_text", "x" * 1000),)) for n in range(100))
    (only,) = told.context(agent("prompt"), Opening(SETTINGS, long))
    assert len(only) < told.MAX_HISTORY + 100


def test_a_voice_that_cannot_be_chosen_is_told() -> None:
    (problem,) = told.unmet(agent(), SETTINGS)
    assert problem.code == "unsupported_by_provider"
    assert not told.unmet(agent("voice"), SETTINGS)
    assert not told.unmet(agent(), Settings("m"))
