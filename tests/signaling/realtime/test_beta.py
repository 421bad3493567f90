import json
from typing import Any

import pytest

from mediaserver.commands import CreateItem, CreateResponse, UpdateSession
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from signaling.realtime.beta import flat, translate, translate_session
from signaling.realtime.effective import Effective
from signaling.realtime.reader import Reader, Refused, Terms

SESSION = {
    "modalities": ["text", "audio"],
    "instructions": "x",
    "voice": "marin",
    "speed": 1.2,
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_alaw",
    "input_audio_transcription": {"model": "whisper-1"},
    "input_audio_noise_reduction": {"type": "far_field"},
    "turn_detection": {"type": "server_vad", "threshold": 0.7, "create_response": False},
    "tools": [{"type": "function", "name": "f"}],
    "tool_choice": "required",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
}


def reader(beta: bool = True, kind: Any = "realtime") -> Reader:
    return Reader(Effective(Settings("local", kind=kind)), Terms(beta=beta))


def read(one: Reader, **event: Any) -> Any:
    return one.read(json.dumps(event))


def test_a_whole_session_is_understood() -> None:
    one = reader()
    command = read(one, type="session.update", session=SESSION)
    assert isinstance(command, UpdateSession)
    assert command.settings == Settings(
        "local", "x", ("audio",), "marin", 1.2, (Tool("f"),), "required", Transcription("whisper-1"),
        TurnDetection(threshold=0.7, create_response=False), None, 0.8, noise_reduction="far_field",
    )  # fmt: skip
    assert one.effective.output_format == {"type": "audio/pcma"}


def test_the_same_without_the_announcement_is_refused_with_its_name() -> None:
    with pytest.raises(Refused) as refused:
        read(reader(beta=False), type="session.update", session={"modalities": ["text"]})
    assert refused.value.error.param == "session.modalities"


def test_a_session_of_the_new_shape_is_understood_too() -> None:
    said = {"type": "realtime", "output_modalities": ["text"], "audio": {"output": {"voice": "cedar"}}}
    command = read(reader(), type="session.update", session=said | {"voice": "marin"})
    assert (command.settings.voice, command.settings.output_modalities) == ("cedar", ("text",))


def test_a_response_and_an_item() -> None:
    said = {"modalities": ["text"], "max_response_output_tokens": 50, "voice": "marin", "temperature": 0.6}
    part = {"type": "text", "text": "I said"}
    item = {"type": "message", "role": "assistant", "content": [part]}
    command = read(reader(), type="response.create", response=said | {"input": [item]})
    assert isinstance(command, CreateResponse) and command.settings is not None
    assert (command.output_modalities, command.voice, command.settings.max_output_tokens) == (("text",), "marin", 50)
    assert command.settings.temperature == 0.6
    made = read(reader(), type="conversation.item.create", item=item)
    assert isinstance(made, CreateItem) and made.item.parts[0].kind == "output_text"


def test_transcription_sessions_had_an_event_of_their_own() -> None:
    said = {"input_audio_format": "g711_ulaw", "input_audio_transcription": {"model": "m"}, "modalities": ["text"]}
    command = read(reader(kind="transcription"), type="transcription_session.update", session=said)
    assert command.settings.transcription == Transcription("m")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": 5},
        {"type": ["session.update"]},
        {"type": "session.update"},
        {"type": "session.update", "session": 5},
        {"type": "transcription_session.update", "session": []},
        {"type": "response.create", "response": "x"},
        {"type": "response.create", "response": {"input": 5}},
        {"type": "conversation.item.create", "item": {"role": "assistant", "content": [5, {"type": 5}]}},
        {"type": "session.update", "session": {"audio": 5, "voice": "x"}},
        {"type": "session.update", "session": {"audio": {"output": 5}, "voice": "x", "modalities": 5}},
        {"type": "session.update", "session": {"input_audio_format": ["pcm16"]}},
    ],
)
def test_nonsense_is_left_for_the_reader_to_refuse(event: Any) -> None:
    before = repr(event)
    assert isinstance(translate(event), dict)
    assert repr(event) == before


def test_back_into_the_flat_shape() -> None:
    settings = Settings("local", "x", voice="marin", temperature=0.5)
    written = flat(Effective(settings).written("sess_1", 7), settings.temperature)
    assert (written["id"], written["voice"], written["input_audio_format"]) == ("sess_1", "marin", "pcm16")
    assert written["modalities"] == ["audio", "text"] and written["temperature"] == 0.5
    assert "audio" not in written
    heard = flat(Effective(Settings("local", kind="transcription")).written("sess_1", 7), None)
    assert heard["modalities"] == ["text"] and "voice" not in heard


def test_what_was_only_ever_written_back_is_ignored() -> None:
    said = translate_session({"id": "sess_1", "object": "realtime.session", "client_secret": None, "voice": "x"})
    assert said == {"type": "realtime", "audio": {"output": {"voice": "x"}}}
