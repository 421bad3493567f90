from dataclasses import replace

from bridges.azure.preview import PreviewShape
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection

SHAPE = PreviewShape("pcmu", "whisper-1", ("alloy", "echo"))
SETTINGS = Settings(
    "m",
    instructions="Be brief.",
    voice="echo",
    tools=(Tool("f"),),
    transcription=Transcription(language="de", keywords=("a",), delay="low"),
    noise_reduction="far_field",
    max_output_tokens=10,
)


def test_a_session_is_flat() -> None:
    session = SHAPE.session(SETTINGS)
    assert session.pop("turn_detection")["type"] == "server_vad"
    assert session == {
        "instructions": "Be brief.",
        "modalities": ["text", "audio"],
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "tool_choice": "auto",
        "max_response_output_tokens": 10,
        "voice": "echo",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_ulaw",
        "input_audio_noise_reduction": {"type": "far_field"},
        "input_audio_transcription": {"model": "whisper-1", "language": "de"},
    }


def test_changes_and_responses_name_only_what_differs() -> None:
    after = replace(SETTINGS, transcription=None, voice="alloy", turn_detection=TurnDetection("semantic_vad"))
    changed = SHAPE.changed(SETTINGS, after)
    assert changed.pop("turn_detection")["type"] == "semantic_vad"
    assert changed == {"input_audio_transcription": None, "voice": "alloy"}
    written = replace(SETTINGS, output_modalities=("text",))
    assert SHAPE.response(SETTINGS, written) == {"modalities": ["text"]}
