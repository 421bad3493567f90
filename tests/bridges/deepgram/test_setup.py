import json
from typing import Any

import pytest

from bridges.deepgram import wire
from bridges.deepgram.setup import MAX_PROMPT, VOICES, Setup, note
from bridges.options import DeepgramAgent
from mediaserver.errors import Unsupported
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, Transcription
from tests.bridges.deepgram import sdk


def agent(settings: Settings, history: tuple[Item, ...] = (), **options: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(wire.write(Setup(DeepgramAgent(**options)).configure(settings, (), history)))
    sdk.check_sent(told)
    assert told["audio"] == {
        "input": {"encoding": "linear16", "sample_rate": 24000},
        "output": {"encoding": "linear16", "sample_rate": 24000, "container": "none"},
    }
    return dict(told["agent"])


def test_defaults_are_deepgrams_own() -> None:
    assert agent(Settings("m", "Be brief.")) == {
        "listen": {"provider": {"type": "deepgram", "version": "v2", "model": "flux-general-en"}},
        "think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "prompt": "Be brief."},
        "speak": {"provider": {"type": "deepgram", "model": VOICES[0]}},
    }


@pytest.mark.parametrize(
    ("language", "options", "provider"),
    [
        ("en-GB", {}, {"version": "v2", "model": "flux-general-en"}),
        ("de", {}, {"version": "v1", "model": "nova-3", "language": "de"}),
        (None, {"language": "fr"}, {"version": "v1", "model": "nova-3", "language": "fr"}),
        (
            "es",
            {"listen_model": "flux-general-multi"},
            {"version": "v2", "model": "flux-general-multi", "language_hints": ["es"]},
        ),
        (
            None,
            {"listen": {"provider": {"eot_threshold": 0.8}}},
            {"version": "v2", "model": "flux-general-en", "eot_threshold": 0.8},
        ),
    ],
)
def test_the_ear_follows_the_language(language: str | None, options: dict[str, Any], provider: dict[str, Any]) -> None:
    told = agent(Settings("m", transcription=Transcription(language=language)), **options)
    assert told["listen"]["provider"] == {"type": "deepgram", **provider}


def test_tools_temperature_speed_and_keywords_are_told() -> None:
    wanted = Settings(
        "m",
        voice="flux-kit-en",
        speed=1.2,
        temperature=0.3,
        tools=(Tool("f", "does", {"type": "object", "properties": {"a": {}}}), Tool("g")),
        transcription=Transcription(keywords=("Ann",)),
    )
    told = agent(wanted, think_provider="anthropic", model="claude-sonnet-4-5")
    assert told["think"]["provider"] == {"type": "anthropic", "model": "claude-sonnet-4-5", "temperature": 0.3}
    assert told["think"]["functions"] == [
        {"name": "f", "description": "does", "parameters": {"type": "object", "properties": {"a": {}}}},
        {"name": "g", "description": "", "parameters": {"type": "object", "properties": {}}},
    ]
    assert told["speak"]["provider"] == {"type": "deepgram", "model": "flux-kit-en", "version": "v2", "speed": 1.2}
    assert told["listen"]["provider"]["keyterms"] == ["Ann"]


def test_another_vendors_voice_stands_and_cannot_be_chosen() -> None:
    block = {"provider": {"type": "eleven_labs", "model_id": "eleven_turbo_v2_5"}, "endpoint": {"url": "wss://x"}}
    setup = Setup(DeepgramAgent(speak=block))
    assert setup.speak(Settings("m", voice="anything")) == block
    assert (setup.own_voice, setup.voices) == (False, ())


def test_a_speed_that_no_voice_has_is_refused() -> None:
    with pytest.raises(Unsupported):
        Setup(DeepgramAgent()).speak(Settings("m", speed=1.6))


def test_history_is_told_and_no_greeting_again() -> None:
    history = (
        Item("1", role="user", parts=(Part("input_audio", "hello"),)),
        Item("2", "function_call", call_id="c", name="f", arguments="{}"),
        Item("3", "function_call", call_id="unanswered", name="f", arguments="{}"),
        Item("4", "function_call_output", call_id="c", output="7"),
        Item("5", role="assistant", parts=(Part("output_audio", "seven"),)),
        Item("6", role="user", parts=(Part("input_audio", None),)),
    )
    told = agent(Settings("m"), history, greeting="Hi.")
    assert told["context"]["messages"] == [
        {"type": "History", "role": "user", "content": "hello"},
        {
            "type": "History",
            "function_calls": [{"id": "c", "name": "f", "client_side": True, "arguments": "{}", "response": "7"}],
        },
        {"type": "History", "role": "assistant", "content": "seven"},
    ]
    assert "greeting" not in told
    assert agent(Settings("m"), greeting="Hi.")["greeting"] == "Hi."


def test_a_prompt_has_room_up_to_the_limit_or_without_one() -> None:
    setup = Setup(DeepgramAgent())
    assert setup.room(Settings("m", "x" * (MAX_PROMPT - 7)), ["12345"])
    assert not setup.room(Settings("m", "x" * (MAX_PROMPT - 6)), ["12345"])
    assert Setup(DeepgramAgent(think={"endpoint": {"url": "https://x"}})).room(Settings("m", "x" * MAX_PROMPT), ["1"])


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (Item("1", role="system", parts=(Part("input_text", "Be kind."),)), "Be kind."),
        (Item("1", role="assistant", parts=(Part("output_text", "Hello."),)), "You said: Hello."),
        (Item("1", "function_call", name="f", arguments="{}"), "You called the function f with {}."),
        (Item("1", "function_call_output", name="f", output="7"), "The function f returned: 7"),
        (Item("1", "function_call_output", output="7"), "The function you called returned: 7"),
    ],
)
def test_other_items_become_a_line(item: Item, line: str) -> None:
    assert note(item) == line


def test_opus_is_asked_for_in_both_directions() -> None:
    setup = Setup(DeepgramAgent(audio="opus"))
    told = json.loads(wire.write(setup.configure(Settings("m"), (), ())))
    sdk.check_sent(told)
    assert told["audio"] == {
        "input": {"encoding": "opus", "sample_rate": 48000},
        "output": {"encoding": "opus", "sample_rate": 48000, "container": "none"},
    }
    assert (setup.codec, Setup(DeepgramAgent()).codec) == ("opus", "pcm")
