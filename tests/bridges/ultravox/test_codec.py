"""The dialect without a socket: recordings, and what can hardly be provoked on one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.options import Ultravox
from bridges.ultravox.codec import MAX_UNKNOWN, TRANSCRIPT_MS, UltravoxCodec
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
from mediaserver.errors import Unsupported
from mediaserver.events import (
    AudioDelta,
    Event,
    InputCommitted,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
    TextCorrected,
    TextDone,
    ToolCalled,
    TranscriptFinal,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from tests.bridges.recorded import recorded
from tests.servers.provider import GARBAGE

SETTINGS = Settings("m", "Be brief.")
FRAME = bytes(640)
SILENCE = bytes(960)
TONE = b"\x10\x20" * 480


def user(text: str) -> Item:
    return Item("item_u", role="user", parts=(Part("input_text", text),))


def begun(settings: Settings = SETTINGS, history: tuple[Item, ...] = (), **options: Any) -> UltravoxCodec:
    codec = UltravoxCodec(Ultravox(**options))
    assert codec.open(Opening(settings, history)) == ()
    assert not codec.hear(FRAME)
    assert not codec.goodbye()
    tell(codec, "call_started", callId="c")
    assert codec.ready
    state(codec, "listening")
    return codec


def tell(codec: UltravoxCodec, kind: str, **fields: Any) -> list[Event]:
    return [*codec.receive(json.dumps({"type": kind, **fields}))]


def state(codec: UltravoxCodec, name: str) -> list[Event]:
    return tell(codec, "state", state=name)


def transcript(codec: UltravoxCodec, role: str, ordinal: int, *, final: bool = True, **what: str) -> list[Event]:
    return tell(codec, "transcript", **{"role": role, "medium": "voice", "ordinal": ordinal, "final": final, **what})


def names(events: object) -> list[str]:
    return [type(each).__name__ for each in events]  # type: ignore[attr-defined]


# --- recordings -------------------------------------------------------------------------------------------------------


def replay(case: str) -> list[Event]:
    """Play the server's side to a codec, say what the client said, and compare every message with the recorded one."""
    codec = UltravoxCodec(Ultravox())
    codec.open(Opening(SETTINGS))
    events: list[Event] = []
    waiting: list[str | bytes] = []
    for ours, message in recorded("ultravox", case):
        if not ours:
            events += codec.receive(message)
            waiting += codec.replies()
            continue
        waiting += said(codec, message)
        sent = waiting.pop(0)
        if isinstance(message, bytes):
            assert sent == FRAME
        else:
            assert json.loads(sent) == json.loads(message)
    assert not waiting
    return events


def said(codec: UltravoxCodec, message: str | bytes) -> list[str | bytes]:
    if isinstance(message, bytes):
        return [*codec.hear(FRAME)]
    told = json.loads(message)
    if told["type"] == "hang_up":
        return [*codec.goodbye()]
    if told["type"] == "client_tool_result":
        output = Item("item_o", "function_call_output", call_id=told["invocationId"], output=told["result"])
        messages = codec.encode(CreateItem(item=output))
        assert not codec.encode(Respond(response_id="resp_2", settings=SETTINGS))
        return [*messages]
    if told["urgency"] == "later":
        item = Item("item_s", role="system", parts=(Part("input_text", told["text"].removeprefix("Note: ")),))
        return [*codec.encode(CreateItem(item=item))]
    codec.encode(CreateItem(item=user(told["text"])))
    return [*codec.encode(Respond(response_id="resp_1", settings=SETTINGS))]


def test_the_recorded_spoken_turn() -> None:
    events = replay("spoken_turn")
    kinds = names(events)
    assert kinds[:5] == ["SpeechStarted", "SpeechStopped", "InputCommitted", "TranscriptFinal", "ResponseCreated"]
    assert kinds[-3:] == ["AudioDone", "TextDone", "ResponseDone"]


def test_the_recorded_written_turn() -> None:
    events = replay("text_turn")
    assert "InputCommitted" not in names(events)
    assert events[-1] == ResponseDone("resp_1")


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
    assert len([each for each in events if isinstance(each, InputCommitted)]) == 2


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("now", ["idle", "listening"])
def test_what_comes_while_it_listens_is_no_answer(now: str) -> None:
    codec = begun()
    state(codec, now)
    assert not codec.receive(SILENCE)
    assert not codec.receive(TONE)


def test_sound_counts_from_the_first_that_is_not_silence() -> None:
    codec = begun()
    assert names(state(codec, "speaking")) == ["ResponseCreated"]
    assert not codec.receive(SILENCE)
    assert names(codec.receive(TONE)) == ["AudioDelta"]
    assert names(codec.receive(SILENCE)) == ["AudioDelta"]


def test_sound_before_the_word_speaking_begins_the_answer() -> None:
    codec = begun()
    state(codec, "thinking")
    assert not codec.receive(SILENCE)
    assert names(codec.receive(TONE)) == ["ResponseCreated", "AudioDelta"]
    assert not state(codec, "speaking")


def test_the_text_may_come_after_the_sound_and_is_waited_for_a_while() -> None:
    codec = begun()
    state(codec, "speaking")
    codec.receive(TONE)
    transcript(codec, "agent", 1, final=False, delta="It is ")
    assert not state(codec, "listening")
    events = transcript(codec, "agent", 1, delta="late.")
    assert names(events) == ["TextDelta", "AudioDone", "TextDone", "ResponseDone"]
    assert isinstance(events[2], TextDone)
    assert events[2].text == "It is late."


def test_a_text_that_does_not_come_does_not_keep_the_answer_open() -> None:
    codec = begun()
    state(codec, "speaking")
    codec.receive(TONE)
    state(codec, "listening")
    for _ in range(TRANSCRIPT_MS // 20 - 1):
        codec.hear(FRAME)
    assert not codec.receive(SILENCE)
    codec.hear(FRAME)
    assert names(codec.receive(SILENCE)) == ["AudioDone", "ResponseDone"]


def test_nor_where_not_even_silence_comes() -> None:
    codec = begun()
    state(codec, "speaking")
    codec.receive(TONE)
    assert not codec.quiet()
    state(codec, "listening")
    assert names(codec.quiet()) == ["AudioDone", "ResponseDone"]


def test_a_whole_text_replaces_and_adds_nothing_twice() -> None:
    codec = begun()
    state(codec, "speaking")
    assert names(transcript(codec, "agent", 1, final=False, text="It is")) == ["TextDelta"]
    assert names(transcript(codec, "agent", 1, final=False, text="It is")) == []
    transcript(codec, "agent", 1, text="It is late.")
    transcript(codec, "agent", 2, text="Good night.")
    done = [each for each in state(codec, "listening") if isinstance(each, TextDone)]
    assert [each.text for each in done] == ["It is late. Good night."]


def test_what_is_said_after_a_cut_is_dropped_until_the_next_answer() -> None:
    codec = begun()
    state(codec, "speaking")
    codec.receive(TONE)
    assert names(tell(codec, "playback_clear_buffer")) == ["ReplyCut", "ResponseDone"]
    assert not codec.receive(TONE)
    assert not transcript(codec, "agent", 1, final=False, delta="late")
    state(codec, "listening")
    state(codec, "thinking")
    state(codec, "speaking")
    assert names(codec.receive(TONE)) == ["AudioDelta"]


def test_what_is_still_playing_is_cut_after_its_answer_ended() -> None:
    codec = begun()
    (created,) = state(codec, "speaking")
    assert isinstance(created, ResponseCreated)
    transcript(codec, "agent", 1, text="Hello.")
    assert names(state(codec, "listening"))[-1] == "ResponseDone"
    assert tell(codec, "playback_clear_buffer") == [ReplyCut(created.response_id)]
    assert names(transcript(codec, "agent", 1, text="Hel")) == ["TextCorrected"]


def test_cancelling_drops_the_rest() -> None:
    codec = begun()
    (created,) = state(codec, "speaking")
    assert isinstance(created, ResponseCreated)
    assert not codec.encode(Interrupt(response_id=created.response_id, reason="client_cancelled"))
    assert codec.receive(TONE) == (ResponseDone(created.response_id, "cancelled", "client_cancelled"),)
    assert not codec.receive(TONE)


def test_an_answer_that_is_written() -> None:
    codec = begun(Settings("m", output_modalities=("text",)))
    assert not state(codec, "speaking")
    assert not codec.receive(TONE)
    events = transcript(codec, "agent", 1, medium="text", text="Hello.")
    assert names(events) == ["ResponseCreated", "TextDelta", "TextDone", "ResponseDone"]
    assert isinstance(events[0], ResponseCreated)
    assert events[0].modalities == ("text",)


# --- the caller -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words_first", [False, True])
def test_a_turn_is_committed_once_whatever_comes_first(words_first: bool) -> None:
    codec = begun()
    events = [*tell(codec, "user_started_speaking"), *tell(codec, "user_stopped_speaking")]
    for first in (words_first, not words_first):
        events += transcript(codec, "user", 0, text=" hi ") if first else state(codec, "thinking")
    started = events[0]
    assert isinstance(started, SpeechStarted)
    assert events == [
        started,
        SpeechStopped(started.item_id, 0),
        InputCommitted(started.item_id, None),
        TranscriptFinal(started.item_id, "hi"),
    ]


def test_what_we_wrote_ourselves_is_no_turn_of_speech() -> None:
    codec = begun()
    codec.encode(CreateItem(item=user("hello")))
    (sent,) = codec.encode(Respond(response_id="r", settings=SETTINGS))
    assert json.loads(sent) == {"type": "user_text_message", "text": "hello", "urgency": "immediate"}
    assert not transcript(codec, "user", 0, text="hello", medium="text")
    assert not state(codec, "thinking")
    assert state(codec, "speaking") == [ResponseCreated("r")]


def test_what_was_written_and_not_asked_about_is_context_to_a_spoken_turn() -> None:
    codec = begun()
    codec.encode(CreateItem(item=user("my number is 7")))
    transcript(codec, "user", 0, text="hi")
    assert [json.loads(each) for each in codec.replies()] == [
        {"type": "user_text_message", "text": "my number is 7", "urgency": "later"}
    ]


def test_an_output_of_an_earlier_call_is_told_in_words() -> None:
    codec = begun()
    assert not codec.encode(CreateItem(item=Item("i", "function_call_output", call_id="old", output="five")))
    (message,) = codec.encode(Respond(response_id="r", settings=SETTINGS))
    assert json.loads(message)["text"] == "The function answered: five"


def test_the_medium_changes_and_nothing_else() -> None:
    codec = begun()
    wanted = Settings("m", "Be brief.", output_modalities=("text",))
    assert [json.loads(each) for each in codec.encode(UpdateSession(settings=wanted))] == [
        {"type": "set_output_medium", "medium": "text"}
    ]
    assert not codec.encode(UpdateSession(settings=wanted))
    with pytest.raises(Unsupported):
        codec.encode(UpdateSession(settings=Settings("m", "Other.")))


def test_a_stored_agent_is_told_instructions_as_a_note() -> None:
    codec = begun(agent_id="a")
    (note,) = codec.replies()
    assert json.loads(note)["text"] == "Instructions: Be brief."
    (changed,) = codec.encode(UpdateSession(settings=Settings("m", "In French.")))
    assert json.loads(changed) == {"type": "user_text_message", "text": "Instructions: In French.", "urgency": "later"}


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


# --- nonsense ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bad_json", "array", "wrong_types", "empty", "deep", "binary", "surrogate"])
def test_nonsense_is_garbled(name: str) -> None:
    with pytest.raises(Garbled) as nonsense:
        begun().receive(GARBAGE[name])
    assert len(nonsense.value.message) < 100


@pytest.mark.parametrize(
    "message",
    [
        {"type": "state"},
        {"type": "transcript", "role": "nobody", "ordinal": 1},
        {"type": "transcript", "role": "user", "ordinal": "one"},
        {"type": "client_tool_invocation", "toolName": "t", "invocationId": "i", "parameters": "x"},
        {"type": "client_tool_invocation", "toolName": "t"},
    ],
)
def test_wrong_fields_are_garbled(message: dict[str, Any]) -> None:
    with pytest.raises(Garbled):
        begun().receive(json.dumps(message))


def test_nonsense_loses_nothing_that_was_due() -> None:
    codec = begun()
    (created,) = state(codec, "speaking")
    assert isinstance(created, ResponseCreated)
    codec.encode(Interrupt(response_id=created.response_id, reason="client_cancelled"))
    with pytest.raises(Garbled):
        codec.receive("{")
    assert codec.receive(SILENCE) == (ResponseDone(created.response_id, "cancelled", "client_cancelled"),)


def test_unknown_types_are_counted_up_to_a_bound() -> None:
    codec = begun()
    for number in range(MAX_UNKNOWN + 10):
        assert not tell(codec, f"new_{number}")
    tell(codec, "new_1")
    assert len(codec.unknown) == MAX_UNKNOWN
    assert codec.unknown["new_1"] == 2


@pytest.mark.parametrize(("code", "meaning"), [(1000, None), (1009, "too_large"), (1006, "connection_lost")])
def test_closes(code: int, meaning: str | None) -> None:
    ended = begun().closed(code, "SECRET")
    assert (ended.code if ended else None) == meaning


def test_ordinals_do_not_pile_up() -> None:
    codec = begun()
    for ordinal in range(500):
        transcript(codec, "user", ordinal, final=False, delta="x")
        state(codec, "speaking")
        transcript(codec, "agent", ordinal, final=False, delta="x")
    assert not [each for each in codec.receive(SILENCE) if isinstance(each, AudioDelta)]
    assert max(len(codec._user), len(codec._written), len(codec._over)) <= 64
