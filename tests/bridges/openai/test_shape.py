from dataclasses import replace

import pytest

from bridges.openai.shape import CHANGES, GaShape
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from tests.servers.openai_realtime import checked

SHAPE = GaShape(voices=("marin", "cedar"))
FULL = Settings(
    "m",
    instructions="Be brief.",
    output_modalities=("text",),
    voice="marin",
    speed=1.2,
    tools=(Tool("f", "does", {"type": "object", "properties": {}}),),
    tool_choice={"type": "function", "name": "f"},
    transcription=Transcription("whisper-1", "de", "names"),
    turn_detection=TurnDetection(idle_timeout_ms=6000),
    max_output_tokens=100,
    noise_reduction="near_field",
    parallel_tool_calls=True,
    reasoning_effort="low",
)


@pytest.mark.parametrize(
    "settings",
    [
        Settings("m"),
        FULL,
        Settings("m", turn_detection=None, transcription=None, tool_choice="none"),
        Settings("m", turn_detection=TurnDetection("semantic_vad", eagerness="low"), voice="voice_123"),
    ],
)
@pytest.mark.parametrize("audio_format", ["pcm", "pcmu", "pcma"])
def test_every_session_is_one_that_the_sdk_knows_wholly(settings: Settings, audio_format: str) -> None:
    shape = GaShape(audio_format, voices=("marin",))  # type: ignore[arg-type]
    checked({"type": "session.update", "session": shape.session(settings)})
    checked({"type": "session.update", "session": shape.changed(Settings("m"), settings)})
    checked({"type": "response.create", "response": shape.response(Settings("m"), settings)})


def test_a_change_names_only_what_differs() -> None:
    assert SHAPE.changed(FULL, FULL) == {"type": "realtime"}
    after = replace(FULL, voice="cedar", turn_detection=None, tools=())
    assert SHAPE.changed(FULL, after) == {
        "type": "realtime",
        "tools": [],
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "cedar"}},
    }


def test_a_response_names_only_what_is_its_own() -> None:
    assert SHAPE.response(FULL, FULL) == {}
    own = replace(FULL, instructions="Else.", voice="cedar", max_output_tokens=None)
    assert SHAPE.response(FULL, own) == {
        "instructions": "Else.",
        "max_output_tokens": "inf",
        "audio": {"output": {"voice": "cedar"}},
    }


def test_another_providers_voice_and_transcriber_become_the_default() -> None:
    session = SHAPE.session(Settings("m", voice="Puck", transcription=Transcription("nova-3")))
    assert "voice" not in session["audio"]["output"]
    assert session["audio"]["input"]["transcription"] == {"model": "gpt-transcribe"}


def test_a_custom_voice_is_an_object() -> None:
    assert SHAPE.session(Settings("m", voice="voice_1"))["audio"]["output"]["voice"] == {"id": "voice_1"}


def test_the_model_and_the_temperature_do_not_change() -> None:
    assert not CHANGES & {"model", "temperature", "kind"}
    assert "instructions" in CHANGES
