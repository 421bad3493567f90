from typing import Any

import pytest
from msgspec import convert

from mediaserver.errors import BadRequest
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from mediaserver.toolbox import ToolServer
from signaling.realtime.effective import Effective
from signaling.realtime.parse import typed
from signaling.realtime.wire import SessionPatch
from tests.conformance.openai_types import check_session

START = Effective(Settings("local", instructions="first", voice="en"))


def merge(effective: Effective, **patch: Any) -> Effective:
    merged = effective.merged(typed(patch, SessionPatch, "session"))
    check_session(merged.written("sess_1", None))
    return merged


def test_only_present_keys_change_anything() -> None:
    assert merge(START) == START
    after = merge(START, instructions="second")
    assert after.settings.instructions == "second" and after.settings.voice == "en"


def test_null_clears() -> None:
    after = merge(
        START, instructions=None, tools=None, audio={"input": {"turn_detection": None, "transcription": None}}
    )
    assert after.settings.instructions == ""
    assert after.settings.turn_detection is None and after.settings.transcription is None
    again = merge(after, audio={"input": {"turn_detection": {"type": "server_vad"}, "transcription": {}}})
    assert again.settings.turn_detection == TurnDetection() and again.settings.transcription == Transcription()


def test_turn_detection_is_merged_key_by_key_within_its_kind() -> None:
    quick = merge(START, audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200}}})
    loud = merge(quick, audio={"input": {"turn_detection": {"threshold": 0.9}}})
    assert loud.settings.turn_detection == TurnDetection(silence_duration_ms=200, threshold=0.9)
    other = merge(loud, audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
    assert other.settings.turn_detection == TurnDetection("semantic_vad", eagerness="high")


def test_models_that_we_do_not_know_are_taken() -> None:
    said = {
        "input": {
            "turn_detection": {"type": "telepathy"},
            "transcription": {"model": "gpt-9-transcribe", "delay": "low"},
        }
    }
    after = merge(START, model="gpt-realtime", audio=said)
    assert after.settings.model == "local"
    assert after.settings.turn_detection == TurnDetection()
    assert after.settings.transcription == Transcription("gpt-9-transcribe", delay="low")
    assert after.written("s", None)["audio"]["input"]["transcription"] == {"model": "gpt-9-transcribe", "delay": "low"}


def test_what_only_echoes_is_kept() -> None:
    said = {
        "tracing": {"workflow_name": "w"},
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
        "include": ["item.input_audio_transcription.logprobs"],
        "prompt": {"id": "pmpt_1", "version": "2"},
        "max_output_tokens": 200,
        "tool_choice": {"type": "function", "name": "f"},
        "output_modalities": ["text"],
        "audio": {
            "input": {"noise_reduction": {"type": "far_field", "strength": 0.5}, "format": {"type": "audio/pcmu"}},
            "output": {"voice": {"id": "voice_1"}, "speed": 1.25, "format": {"type": "audio/pcma"}},
        },
    }
    written = merge(START, **said).written("sess_1", 7)
    for key in ("tracing", "truncation", "include", "prompt", "max_output_tokens", "tool_choice", "output_modalities"):
        assert written[key] == said[key]
    assert written["audio"]["output"] == {"voice": "voice_1", "speed": 1.25, "format": {"type": "audio/pcma"}}
    assert written["audio"]["input"]["noise_reduction"] == {"type": "far_field", "strength": 0.5}
    kept = merge(merge(START, **said), audio={"input": {"noise_reduction": {"type": "near_field"}}})
    assert kept.noise_reduction == {"type": "near_field", "strength": 0.5}
    assert (
        merge(kept, tracing=None, truncation=None, include=None, prompt=None, max_output_tokens="inf").tracing is None
    )


def test_tools_are_read_and_cleared() -> None:
    tools = [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}]
    after = merge(START, tools=tools)
    assert after.settings.tools[0].name == "f"
    assert merge(after, tools=[]).settings.tools == ()


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"output_modalities": ["audio", "text"]}, "output_modalities"),
        ({"tools": [{"type": "function", "name": "f"}, {"type": "mcp", "server_label": "x"}]}, "tools[1].server_label"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f"}] * 2}, "tools"),
    ],
)
def test_nothing_applies_when_something_cannot_be(patch: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        START.merged(typed({"instructions": "changed"} | patch, SessionPatch, "session"))
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"modalities": ["audio"]}, "session.modalities"),
        ({"type": "translation"}, "session.type"),
        ({"max_output_tokens": 0}, "session.max_output_tokens"),
        ({"audio": {"output": {"speed": 3}}}, "session.audio.output.speed"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}, "session.audio.input.format.rate"),
        (
            {"audio": {"input": {"turn_detection": {"threshold": "loud"}}}},
            "session.audio.input.turn_detection.threshold",
        ),
    ],
)
def test_strict_types(patch: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        typed(patch, SessionPatch, "session")
    assert refused.value.param == param


def test_a_client_may_ask_for_tools_of_a_configured_mcp_server_and_of_no_other() -> None:
    table = Tool("book_table", "Books.", {"type": "object"})
    servers = (ToolServer("crm", "https://crm.example/mcp", (table, Tool("delete_all"))),)
    begun = Effective(Settings("local"), servers=servers)
    asked = {"type": "mcp", "server_label": "crm", "allowed_tools": ["book_table"], "require_approval": "never"}
    own = {"type": "function", "name": "own"}
    now = begun.merged(convert({"tools": [own, asked]}, SessionPatch))
    assert [tool.name for tool in now.settings.tools] == ["own", "book_table"]
    stranger = asked | {"server_label": "other"}
    with pytest.raises(BadRequest) as refused:
        now.merged(convert({"tools": [stranger]}, SessionPatch))
    assert (refused.value.code, refused.value.param) == ("mcp_server_not_allowed", "tools[0].server_label")
