"""The dialect without a socket: recordings, and what can hardly be provoked on one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.elevenlabs.codec import MAX_UNKNOWN, ElevenLabsCodec
from bridges.options import ElevenLabs
from mediaserver.bridge import Opening
from mediaserver.commands import (
    ClearInput,
    CommitInput,
    CreateItem,
    DeleteItem,
    Interrupt,
    Respond,
    TruncateItem,
    UpdateSession,
)
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    AudioDelta,
    Event,
    InputCommitted,
    Problem,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    TextCorrected,
    TextDelta,
    TextDone,
    ToolCalled,
    TranscriptFinal,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from tests.bridges.elevenlabs import sdk
from tests.bridges.recorded import recorded
from tests.servers.provider import GARBAGE

SETTINGS = Settings("m", "Be brief.")
FRAME = bytes(640)
TONE = base64.b64encode(b"\x10\x20" * 160).decode()


def user(text: str) -> Item:
    return Item("item_u", role="user", parts=(Part("input_text", text),))


def begun(settings: Settings = SETTINGS, history: tuple[Item, ...] = (), **options: Any) -> ElevenLabsCodec:
    codec = ElevenLabsCodec(ElevenLabs(agent_id="agent_1", **options))
    (first,) = codec.open(Opening(settings, history))
    assert json.loads(first)["type"] == "conversation_initiation_client_data"
    assert not codec.ready
    assert not codec.hear(FRAME)
    metadata(codec)
    assert codec.ready
    codec.replies()
    return codec


def metadata(codec: ElevenLabsCodec, **formats: str) -> list[Event]:
    return tell(
        codec,
        "conversation_initiation_metadata",
        "conversation_initiation_metadata_event",
        conversation_id="c",
        **formats,
    )


def tell(codec: ElevenLabsCodec, kind: str, key: str = "", **fields: Any) -> list[Event]:
    return [*codec.receive(json.dumps({"type": kind, **({key: fields} if key else {})}))]


def audio(codec: ElevenLabsCodec, event_id: int) -> list[Event]:
    return tell(codec, "audio", "audio_event", audio_base_64=TONE, event_id=event_id)


def response(codec: ElevenLabsCodec, text: str, event_id: int) -> list[Event]:
    return tell(codec, "agent_response", "agent_response_event", agent_response=text, event_id=event_id)


def names(events: object) -> list[str]:
    return [type(each).__name__ for each in events]  # type: ignore[attr-defined]


def asked(codec: ElevenLabsCodec, text: str = "hello", response_id: str = "resp_1") -> list[Any]:
    assert not codec.encode(CreateItem(item=user(text)))
    return [json.loads(each) for each in codec.encode(Respond(response_id=response_id, settings=SETTINGS))]


# --- recordings -------------------------------------------------------------------------------------------------------


def replay(case: str) -> list[Event]:
    """Play the agent's side to a codec, say what the client said, and compare every message with the recorded one."""
    codec = ElevenLabsCodec(ElevenLabs(agent_id="agent_1"))
    events: list[Event] = []
    waiting: list[Any] = []
    for ours, message in recorded("elevenlabs", case):
        assert isinstance(message, str)
        if ours:
            told = json.loads(message)
            sdk.check_sent(told)
            waiting += [json.loads(each) for each in said(codec, told)]
            sent = waiting.pop(0)
            assert set(sent) == {"user_audio_chunk"} if "user_audio_chunk" in told else sent == told
        else:
            sdk.check_received(json.loads(message))
            events += codec.receive(message)
            waiting += [json.loads(each) for each in codec.replies()]
    assert not waiting
    return [*events, *codec.quiet()]


def said(codec: ElevenLabsCodec, told: dict[str, Any]) -> list[Any]:
    kind = told.get("type")
    if kind is None:
        return [*codec.hear(FRAME)]
    if kind == "conversation_initiation_client_data":
        return [*codec.open(Opening(SETTINGS))]
    if kind == "contextual_update" and not told["text"].startswith("Instructions"):
        item = Item("item_s", role="system", parts=(Part("input_text", told["text"].removeprefix("Note: ")),))
        return [*codec.encode(CreateItem(item=item))]
    if kind == "user_message":
        codec.encode(CreateItem(item=user(told["text"])))
        return [*codec.encode(Respond(response_id="resp_1", settings=SETTINGS))]
    if kind == "client_tool_result":
        output = Item("item_o", "function_call_output", call_id=told["tool_call_id"], output=told["result"])
        messages = codec.encode(CreateItem(item=output))
        assert not codec.encode(Respond(response_id="resp_2", settings=SETTINGS))
        return [*messages]
    return []


def test_the_recorded_spoken_turn() -> None:
    events = replay("spoken_turn")
    assert names(events)[:5] == [
        "TranscriptPartial",
        "InputCommitted",
        "TranscriptFinal",
        "ResponseCreated",
        "TextDelta",
    ]
    assert names(events)[-3:] == ["AudioDone", "TextDone", "ResponseDone"]


def test_the_recorded_written_turn() -> None:
    done = replay("text_turn")[-1]
    assert isinstance(done, ResponseDone)
    assert (done.response_id, done.status) == ("resp_1", "completed")


def test_the_recorded_function_call() -> None:
    events = replay("tool_call")
    called = next(each for each in events if isinstance(each, ToolCalled))
    assert (called.response_id, called.name, called.arguments) == ("resp_1", "get_time", '{"zone": "text"}')
    assert [each.response_id for each in events if isinstance(each, ResponseDone)] == ["resp_1", "resp_2"]


def test_the_recorded_barge_in() -> None:
    events = replay("barge_in")
    cut = next(index for index, each in enumerate(events) if isinstance(each, ReplyCut))
    first = next(each for each in events if isinstance(each, ResponseCreated))
    assert events[cut + 1] == ResponseDone(first.response_id, "cancelled", "turn_detected")
    later = events[cut + 2 :]
    assert not [each for each in later if getattr(each, "response_id", None) == first.response_id]
    assert [each for each in later if isinstance(each, TextCorrected)]


# --- what is hard to provoke ------------------------------------------------------------------------------------------


def test_late_sound_of_what_was_cut_is_dropped() -> None:
    codec = begun()
    audio(codec, 4)
    assert names(tell(codec, "interruption", "interruption_event", event_id=6)) == ["ReplyCut", "ResponseDone"]
    assert not audio(codec, 5)
    assert not audio(codec, 6)
    assert not response(codec, "late", 6)
    assert names(audio(codec, 7)) == ["ResponseCreated", "AudioDelta"]


def test_what_is_still_playing_is_cut_after_its_answer_ended() -> None:
    codec = begun()
    created = audio(codec, 1)[0]
    assert isinstance(created, ResponseCreated)
    assert names(codec.quiet())[-1] == "ResponseDone"
    assert tell(codec, "interruption", "interruption_event", event_id=1) == [ReplyCut(created.response_id)]


def test_pings_and_scores_do_not_keep_an_answer_open() -> None:
    codec = begun(end_of_reply_s=0.5)
    audio(codec, 1)
    for _ in range(24):
        codec.hear(FRAME)
    assert not tell(codec, "vad_score", "vad_score_event", vad_score=0.1)
    for _ in range(3):
        codec.hear(FRAME)
    assert names(tell(codec, "ping", "ping_event", event_id=9))[-1] == "ResponseDone"
    assert [json.loads(each) for each in codec.replies()] == [{"type": "pong", "event_id": 9}]


def test_text_may_come_before_or_after_its_sound_and_in_pieces() -> None:
    codec = begun()
    audio(codec, 1)
    (delta,) = response(codec, " Hello there. ", 2)
    assert isinstance(delta, TextDelta)
    assert delta.text == "Hello there."
    codec.quiet()
    for kind, text in (("start", ""), ("delta", " One"), ("delta", " two"), ("stop", "")):
        tell(codec, "agent_chat_response_part", "text_response_part", text=text, type=kind, event_id=3)
    (rest,) = response(codec, "One two three.", 3)
    assert isinstance(rest, TextDelta)
    assert rest.text == " three."
    assert not codec.quiet()  # its sound is still to come
    audio(codec, 4)
    done = [each for each in codec.quiet() if isinstance(each, TextDone)]
    assert [each.text for each in done] == ["One two three."]


def test_a_second_text_is_another_answer_and_the_complete_event_an_end() -> None:
    codec = begun()
    response(codec, "One.", 1)
    assert names(response(codec, "Two.", 2)) == ["TextDone", "ResponseDone", "ResponseCreated", "TextDelta"]
    assert names(tell(codec, "agent_response_complete")) == ["TextDone", "ResponseDone"]
    assert not tell(codec, "agent_response_complete")


def test_what_was_written_and_not_asked_about_is_context_to_a_spoken_turn() -> None:
    codec = begun()
    codec.encode(CreateItem(item=user("my number is 7")))
    events = tell(codec, "user_transcript", "user_transcription_event", user_transcript=" hi ", event_id=1)
    assert names(events) == ["InputCommitted", "TranscriptFinal"]
    assert isinstance(events[0], InputCommitted)
    assert events[1] == TranscriptFinal(events[0].item_id, "hi")
    (note,) = codec.replies()
    assert json.loads(note) == {"type": "contextual_update", "text": "my number is 7"}


def test_an_output_of_an_earlier_connection_is_told_in_words() -> None:
    codec = begun()
    assert not codec.encode(CreateItem(item=Item("i", "function_call_output", call_id="old", output="five")))
    (message,) = codec.encode(Respond(response_id="r", settings=SETTINGS))
    assert json.loads(message) == {"type": "user_message", "text": "The function answered: five"}


def test_the_question_at_the_end_of_a_history_is_asked_once() -> None:
    codec = begun(history=(user("where is it?"),))
    (message,) = codec.encode(Respond(response_id="r", settings=SETTINGS))
    assert json.loads(message) == {"type": "user_message", "text": "where is it?"}
    assert not codec.encode(Respond(response_id="r2", settings=SETTINGS))


def test_a_greeting_in_mid_conversation_is_said_to_nobody() -> None:
    codec = begun(history=(user("where is it?"),))
    assert not codec.quiet()
    assert not response(codec, "Welcome!", 1)
    assert not audio(codec, 2)
    codec.quiet()
    assert names(audio(codec, 3)) == ["ResponseCreated", "AudioDelta"]


def test_an_answer_cancelled_before_it_began_is_not_told() -> None:
    codec = begun()
    assert asked(codec) == [{"type": "user_message", "text": "hello"}]
    assert not codec.encode(Interrupt(response_id="resp_1", reason="client_cancelled"))
    assert names(response(codec, "Hello.", 1)) == ["ResponseCreated"]
    assert not [each for each in audio(codec, 2) if isinstance(each, AudioDelta)]
    assert codec.quiet() == (ResponseDone("resp_1", "cancelled", "client_cancelled"),)


@pytest.mark.parametrize(
    ("kind", "code", "retryable"),
    [
        ("override_error", "refused", False),
        ("max_duration_exceeded", "session_expired", True),
        ("llm_timeout", "timeout", True),
        ("something_new", "provider_error", True),
        (None, "provider_error", True),
    ],
)
def test_errors_end_the_session(kind: str | None, code: str, retryable: bool) -> None:
    with pytest.raises(BridgeError) as failed:
        tell(begun(), "error", "error_event", code=1008, error_type=kind, message="SECRET", debug_message="SECRET")
    assert (failed.value.code, failed.value.retryable) == (code, retryable)
    assert "SECRET" not in str(failed.value)


def test_the_trouble_of_one_tool_does_not() -> None:
    (problem,) = tell(begun(), "error", "error_event", code=1011, error_type="mcp_tool_error")
    assert isinstance(problem, Problem)


def test_a_format_that_is_not_known_is_the_end() -> None:
    codec = ElevenLabsCodec(ElevenLabs(agent_id="a"))
    codec.open(Opening(SETTINGS))
    with pytest.raises(BridgeError, match="format"):
        metadata(codec, agent_output_audio_format="opus_48000")


@pytest.mark.parametrize(
    "command",
    [
        CommitInput(),
        ClearInput(),
        DeleteItem(item_id="i"),
        TruncateItem(item_id="i", content_index=0, audio_end_ms=1),
        Respond(response_id="r", settings=SETTINGS, own_input=True),
        CreateItem(item=Item("i", role="user", parts=(Part("input_audio"),))),
    ],
)
def test_refuses_what_has_no_word(command: Any) -> None:
    with pytest.raises(Unsupported):
        begun().encode(command)


def test_an_overridden_prompt_is_fixed() -> None:
    codec = begun(overrides=("prompt",))
    assert "instructions" not in codec.capabilities.changes
    with pytest.raises(Unsupported):
        codec.encode(UpdateSession(settings=Settings("m", "Other.")))
    assert not codec.encode(UpdateSession(settings=SETTINGS))


@pytest.mark.parametrize("name", ["bad_json", "array", "wrong_types", "empty", "deep", "surrogate", "binary"])
def test_nonsense_is_garbled_or_passes(name: str) -> None:
    codec = begun()
    if name == "surrogate":  # a type that nobody knows is counted, however it is written
        with pytest.raises(Garbled):
            codec.receive(GARBAGE[name])
        return
    with pytest.raises(Garbled) as nonsense:
        codec.receive(GARBAGE[name])
    assert len(nonsense.value.message) < 100


@pytest.mark.parametrize(
    "message",
    [
        {"type": "audio", "audio_event": {"audio_base_64": "!!!", "event_id": 1}},
        {"type": "audio", "audio_event": {"audio_base_64": "AAAA", "event_id": 1}},
        {"type": "audio", "audio_event": {"audio_base_64": "AAA=", "event_id": "one"}},
        {"type": "audio"},
        {"type": "interruption", "interruption_event": {}},
        {"type": "client_tool_call", "client_tool_call": {"tool_name": "t", "tool_call_id": "c", "parameters": [1]}},
        {"type": "user_transcript", "user_transcription_event": {"user_transcript": 7}},
    ],
)
def test_wrong_fields_are_garbled(message: dict[str, Any]) -> None:
    with pytest.raises(Garbled):
        begun().receive(json.dumps(message))


def test_nonsense_loses_nothing_that_was_due() -> None:
    codec = begun()
    (created, _) = audio(codec, 1)
    assert isinstance(created, ResponseCreated)
    codec.encode(Interrupt(response_id=created.response_id, reason="client_cancelled"))
    with pytest.raises(Garbled):
        codec.receive("{")
    assert codec.quiet() == (ResponseDone(created.response_id, "cancelled", "client_cancelled"),)


def test_unknown_types_are_counted_up_to_a_bound() -> None:
    codec = begun()
    for number in range(MAX_UNKNOWN + 10):
        assert not tell(codec, f"new_{number}")
    tell(codec, "new_1")
    assert len(codec.unknown) == MAX_UNKNOWN
    assert codec.unknown["new_1"] == 2


@pytest.mark.parametrize(
    ("code", "meaning"), [(1000, None), (1008, "refused"), (1011, "provider_error"), (1006, "connection_lost")]
)
def test_closes(code: int, meaning: str | None) -> None:
    ended = begun().closed(code, "SECRET")
    assert (ended.code if ended else None) == meaning
