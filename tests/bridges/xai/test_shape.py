from dataclasses import replace

import pytest

from bridges.xai.shape import XaiShape
from mediaserver.errors import Unsupported
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection

SHAPE = XaiShape("pcm", "grok-transcribe", ("eve", "ara"))
SETTINGS = Settings(
    "m",
    instructions="Be brief.",
    voice="EVE",
    speed=2.0,
    tools=(Tool("f"),),
    transcription=Transcription("any", "de", keywords=("k" * 60,) * 120),
    turn_detection=TurnDetection(threshold=0.95, silence_duration_ms=20_000, idle_timeout_ms=5000),
    reasoning_effort="minimal",
)


def test_voice_and_turns_stand_at_the_top_and_values_within_xais_bounds() -> None:
    session = SHAPE.session(SETTINGS)
    terms = session["audio"]["input"]["transcription"].pop("keyterms")
    assert (len(terms), {len(term) for term in terms}) == (100, {50})
    assert session == {
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.9,
            "silence_duration_ms": 10_000,
            "prefix_padding_ms": 300,
            "create_response": True,
            "idle_timeout_ms": 5000,
        },
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "grok-transcribe", "language_hint": "de"},
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1.5},
        },
        "voice": "eve",
        "resumption": {"enabled": True},
        "reasoning": {"effort": "none"},
    }


def test_push_to_talk_and_no_transcript() -> None:
    session = SHAPE.session(Settings("m", turn_detection=None, transcription=None))
    assert session["turn_detection"] is None
    assert session["audio"]["input"]["transcription"] is None


def test_a_change_names_only_what_differs() -> None:
    assert SHAPE.changed(SETTINGS, SETTINGS) == {}
    assert SHAPE.changed(SETTINGS, replace(SETTINGS, voice="ara")) == {"voice": "ara"}


def test_a_response_takes_instructions_and_nothing_else() -> None:
    assert SHAPE.response(SETTINGS, SETTINGS) == {}
    assert SHAPE.response(SETTINGS, replace(SETTINGS, instructions="X")) == {"instructions": "X"}
    for other in ({"voice": "ara"}, {"tools": ()}, {"output_modalities": ("text",)}, {"max_output_tokens": 5}):
        with pytest.raises(Unsupported):
            SHAPE.response(SETTINGS, replace(SETTINGS, **other))
    with pytest.raises(Unsupported):
        SHAPE.out_of_band()
