import json
from typing import Any

import pytest

from mediaserver import events as e
from mediaserver.items import Item, Part, Usage
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection
from signaling.realtime.effective import Effective
from signaling.realtime.writer import Writer
from tests.conformance.openai_types import check_event

SETTINGS = Settings(
    "local", instructions="Be brief.", voice="en", tools=(Tool("get_time", "time", {"type": "object"}),)
)
MESSAGE = Item("item_1", "message", "assistant", status="in_progress")
SPOKEN = Item("item_1", "message", "assistant", (Part("output_audio", "Hello there."),))
CALL = Item("item_2", "function_call", call_id="call_1", name="get_time", arguments='{"a":1}')
USAGE = Usage(input_tokens=3, output_tokens=5, input_text_tokens=3, output_text_tokens=5)


def make(settings: Settings = SETTINGS) -> Writer:
    return Writer(Effective(settings), wall=lambda: 1700000000.5)


def told(writer: Writer, *events: e.Event) -> list[dict[str, Any]]:
    messages = [message for event in events for message in writer.write(event)]
    for message in messages:
        check_event(json.loads(json.dumps(message)))
    return messages


def types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


EVERYTHING: list[e.Event] = [
    e.SessionCreated("sess_1", SETTINGS, 1700003600),
    e.SessionUpdated(SETTINGS),
    e.Problem("no", client_event_id="mine", param="session.audio"),
    e.SpeechStarted("item_0", 120),
    e.SpeechStopped("item_0", 900),
    e.InputCommitted("item_0", None),
    e.InputCleared(),
    e.InputTimedOut("item_0", 1, 2),
    e.TranscriptPartial("item_0", "what is", 4),
    e.TranscriptFinal("item_0", "what is it", Usage(seconds=1.5)),
    e.TranscriptFinal("item_9", "what", USAGE),
    e.TranscriptFailed("item_0", "engine", "no worker"),
    e.DigitPressed("5", 100),
    e.ItemAdded(Item("item_0", "message", "user", (Part("input_audio"),)), None),
    e.ItemDone(Item("item_s", "message", "system", (Part("input_text", "x"),)), "item_0"),
    e.ItemDone(Item("item_o", "function_call_output", call_id="call_1", output="4"), "item_0"),
    e.ItemRetrieved(Item("item_0", "message", "user", (Part("input_audio", "hi"), Part("input_text", "there")))),
    e.ItemTruncated(SPOKEN, 0, 340),
    e.ItemDeleted("item_0"),
    e.OutputStarted("resp_1"),
    e.OutputStopped("resp_1"),
    e.OutputCleared("resp_1"),
    e.SessionEnded("max_duration"),
]


@pytest.mark.parametrize("event", EVERYTHING, ids=lambda event: type(event).__name__)
def test_every_event_is_one_of_the_sdk(event: e.Event) -> None:
    assert told(make(), event)


def test_what_the_contract_has_no_word_for_is_not_said() -> None:
    silent = [e.Heard("item_1", 1, "a", "b"), e.ReplyPaused("resp_1"), e.ReplyResumed("resp_1"), e.SessionEnded("idle")]
    assert told(make(), *silent) == []


def test_the_whole_session_is_echoed() -> None:
    [created] = told(make(), e.SessionCreated("sess_1", SETTINGS, 1700003600))
    session = created["session"]
    assert session["id"] == "sess_1"
    assert session["expires_at"] == 1700003600
    assert session["audio"]["input"]["turn_detection"]["interrupt_response"] is True
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert session["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "en", "speed": 1.0}
    assert session["tools"][0]["name"] == "get_time"
    assert session["tool_choice"] == "auto" and session["max_output_tokens"] == "inf"
    assert {"tracing", "truncation", "include", "prompt", "output_modalities", "instructions"} <= set(session)


@pytest.mark.parametrize("turns", [None, TurnDetection(kind="semantic_vad"), TurnDetection(idle_timeout_ms=5000)])
def test_other_turn_detections_are_of_the_sdk_too(turns: TurnDetection | None) -> None:
    settings = Settings("local", turn_detection=turns, transcription=None, max_output_tokens=7, tool_choice="none")
    [message] = told(make(), e.SessionUpdated(settings))
    detection = message["session"]["audio"]["input"]["turn_detection"]
    assert (detection is None) == (turns is None)


def test_a_spoken_answer_comes_in_the_contracts_order() -> None:
    messages = told(
        make(),
        e.ResponseCreated("resp_1", ("audio",), "en", (("k", "v"),)),
        e.ItemAdded(MESSAGE, "item_0"),
        e.TextDelta("resp_1", "item_1", "Hello "),
        e.AudioDelta("resp_1", "item_1", b"\0\0"),
        e.TextDelta("resp_1", "item_1", "there."),
        e.AudioDone("resp_1", "item_1"),
        e.TextDone("resp_1", "item_1", "Hello there."),
        e.ItemDone(SPOKEN, "item_0"),
        e.ResponseDone("resp_1", usage=USAGE),
    )
    assert types(messages) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    done = messages[-1]["response"]
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "Hello there."}]
    assert done["usage"]["total_tokens"] == 8 and done["usage"]["output_token_details"]["text_tokens"] == 5
    assert done["metadata"] == {"k": "v"} and done["status"] == "completed"
    assert len({message["event_id"] for message in messages}) == len(messages)


def test_a_written_answer_uses_the_text_events() -> None:
    messages = told(
        make(),
        e.ResponseCreated("resp_1", ("text",)),
        e.TextDelta("resp_1", "item_1", "Hi"),
        e.TextDone("resp_1", "item_1", "Hi"),
        e.ResponseDone("resp_1"),
    )
    assert "response.output_text.delta" in types(messages) and "response.output_text.done" in types(messages)
    assert not any("audio" in name for name in types(messages))
    assert messages[-1]["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Hi"}]


def test_an_answer_out_of_band_belongs_to_no_conversation() -> None:
    for out_of_band in (False, True):
        created, *_ = told(make(), e.ResponseCreated("resp_1", ("text",), out_of_band=out_of_band))
        assert (created["response"]["conversation_id"] is None) == out_of_band


def test_a_function_call_is_told_three_times() -> None:
    messages = told(
        make(),
        e.ResponseCreated("resp_1"),
        e.ItemAdded(Item("item_2", "function_call", status="in_progress", call_id="call_1", name="get_time"), None),
        e.ToolCalled("resp_1", "item_2", "call_1", "get_time", '{"a":1}'),
        e.ItemDone(CALL, None),
        e.ResponseDone("resp_1"),
    )
    done = [message for message in messages if message["type"] == "response.output_item.done"]
    assert done[0]["item"]["arguments"] == '{"a":1}' and done[0]["item"]["status"] == "completed"
    assert types(messages).count("response.function_call_arguments.done") == 1
    assert messages[-1]["response"]["output"][0]["name"] == "get_time"


def test_a_cancelled_answer_closes_what_it_opened() -> None:
    messages = told(
        make(),
        e.ResponseCreated("resp_1"),
        e.TextDelta("resp_1", "item_1", "Hel"),
        e.ResponseDone("resp_1", "cancelled", "turn_detected"),
    )
    names = types(messages)
    assert names.index("response.content_part.done") < names.index("response.output_item.done") < len(names) - 1
    response = messages[-1]["response"]
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert response["output"][0]["status"] == "incomplete"


def test_a_failed_answer_says_why() -> None:
    done = e.ResponseDone("resp_1", "failed", error_code="provider_error", error_message="down")
    messages = told(make(), e.ResponseCreated("resp_1"), done)
    assert messages[-1]["response"]["status_details"]["error"]["code"] == "provider_error"


def test_an_item_of_the_client_is_no_output_of_a_response() -> None:
    writer = make()
    writer.client_items.add("item_c")
    mine = Item("item_c", "message", "assistant", (Part("output_text", "I said"),))
    messages = told(writer, e.ResponseCreated("resp_1"), e.ItemAdded(mine, None), e.ItemDone(mine, None))
    assert types(messages) == ["response.created", "conversation.item.added", "conversation.item.done"]


def test_partial_transcripts_only_grow() -> None:
    messages = told(
        make(),
        e.TranscriptPartial("item_0", "what i", 4),
        e.TranscriptPartial("item_0", "what is", 4),
        e.TranscriptPartial("item_0", "what are", 9),
        e.TranscriptPartial("item_0", "who else", 8),
        e.TranscriptFinal("item_0", "what are you"),
    )
    deltas = [message["delta"] for message in messages if message["type"].endswith(".delta")]
    assert "".join(deltas) == "what are you"
    assert messages[-1]["transcript"] == "what are you"


def test_a_transcript_that_was_not_asked_for_is_not_told() -> None:
    writer = make(Settings("local", transcription=None))
    assert told(writer, e.TranscriptPartial("item_0", "hi", 2), e.TranscriptFinal("item_0", "hi")) == []


def test_hints_of_the_transcription_are_echoed() -> None:
    settings = Settings("local", transcription=Transcription("whisper-1", "en", "names"))
    [message] = told(make(), e.SessionUpdated(settings))
    said = message["session"]["audio"]["input"]["transcription"]
    assert said == {"model": "whisper-1", "language": "en", "prompt": "names"}


def over_websocket() -> Writer:
    return Writer(Effective(SETTINGS), wall=lambda: 1.0, track=False)


def test_without_a_track_the_sound_is_in_the_events_and_the_buffer_is_the_clients() -> None:
    writer = over_websocket()
    told(writer, e.ResponseCreated("resp_1"), e.ItemAdded(MESSAGE, None))
    messages = writer.sound("item_1", "AAAA") + writer.sound("item_1", "BBBB")
    assert [check_event(message) for message in messages] == [
        "response.content_part.added",
        "response.output_audio.delta",
        "response.output_audio.delta",
    ]
    assert (messages[1]["response_id"], messages[1]["item_id"], messages[1]["delta"]) == ("resp_1", "item_1", "AAAA")
    assert told(writer, e.OutputStarted("resp_1"), e.OutputStopped("resp_1"), e.OutputCleared("resp_1")) == []
    assert writer.sound_over("item_1") == []


def test_without_a_track_a_truncation_is_told_once_to_who_asked() -> None:
    writer = over_websocket()
    assert told(writer, e.ItemTruncated(SPOKEN, 0, 340)) == []
    writer.truncations.append("item_1")
    assert types(told(writer, e.ItemTruncated(SPOKEN, 0, 340))) == ["conversation.item.truncated"]
    assert told(writer, e.ItemTruncated(SPOKEN, 0, 340)) == []


def test_sound_that_belongs_to_no_response_gets_one() -> None:
    writer = over_websocket()
    messages = [*writer.sound("item_h", "AAAA"), *writer.sound("item_h", "BBBB"), *writer.sound_over("item_h")]
    names = [check_event(message) for message in messages]
    assert (names[0], names[-1]) == ("response.created", "response.done")
    assert names.count("response.output_audio.delta") == 2 and "response.output_audio.done" in names
    assert len({message["response_id"] for message in messages if "response_id" in message}) == 1


def test_limits_of_the_provider_are_told() -> None:
    [message] = told(make(), e.RateLimitsUpdated((e.RateLimit("tokens", 1000, 900, 1.5),)))
    assert message["rate_limits"] == [{"name": "tokens", "limit": 1000, "remaining": 900, "reset_seconds": 1.5}]


def test_a_transcription_session_is_shown_as_one() -> None:
    settings = Settings("local", kind="transcription", transcription=Transcription("m", languages=("en",)))
    [message] = told(make(), e.SessionCreated("sess_1", settings, 7))
    session = message["session"]
    assert session["object"] == "realtime.transcription_session" and "model" not in session
    assert session["audio"]["input"]["transcription"] == {"model": "m", "languages": ["en"]}
