"""The dialect without a socket: recordings, and what can hardly be provoked on one."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.gemini.codec import MAX_BUFFERED, MAX_UNKNOWN, GeminiCodec
from bridges.options import Gemini
from mediaserver.bridge import Opening
from mediaserver.commands import ClearInput, Command, CommitInput, CreateItem, Interrupt, Respond
from mediaserver.errors import Unsupported
from mediaserver.events import (
    AudioDelta,
    Event,
    GoingAway,
    InputCommitted,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    Resumable,
    TextDelta,
    ToolCalled,
    ToolsCancelled,
    TranscriptFinal,
    TranscriptPartial,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from tests.bridges.gemini import sdk
from tests.bridges.recorded import recorded
from tests.servers.provider import GARBAGE

TOOL = Tool("get_time", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}})
SETTINGS = Settings("m", instructions="Be brief.", tools=(TOOL,))
PUSH = replace(SETTINGS, turn_detection=None)
FRAME = bytes(640)


def user(text: str, role: Any = "user") -> Item:
    return Item("item_u", role=role, parts=(Part("input_text", text),))


def output(call_id: str, text: str) -> Item:
    return Item("item_o", "function_call_output", call_id=call_id, output=text)


def begun(settings: Settings = SETTINGS, history: tuple[Item, ...] = (), **options: Any) -> GeminiCodec:
    codec = GeminiCodec(Gemini(**options))
    (first,) = codec.open(Opening(settings, history))
    sdk.check_sent(first)
    assert not codec.ready
    assert not codec.hear(FRAME)
    assert tell(codec, setupComplete={}) == []
    assert codec.ready
    return codec


def tell(codec: GeminiCodec, **fields: Any) -> list[Event]:
    message = json.dumps(fields)
    sdk.check_received(message)
    return [*codec.receive(message.encode())]


def content(codec: GeminiCodec, **fields: Any) -> list[Event]:
    return tell(codec, serverContent=fields)


def say(codec: GeminiCodec, pcm: bytes = b"\1\0") -> list[Event]:
    data = {"mimeType": "audio/pcm;rate=24000", "data": b64encode(pcm).decode()}
    return content(codec, modelTurn={"role": "model", "parts": [{"inlineData": data}]})


def do(codec: GeminiCodec, *commands: Command) -> list[dict[str, Any]]:
    sent = [message for command in commands for message in codec.encode(command)]
    for message in sent:
        sdk.check_sent(message)
    return [json.loads(message) for message in sent]


def respond(response_id: str = "resp_ours", settings: Settings = SETTINGS) -> Respond:
    return Respond(response_id=response_id, settings=settings)


def names(events: Iterable[Event]) -> list[str]:
    return [type(each).__name__ for each in events]


# --- recordings -------------------------------------------------------------------------------------------------------


def replay(case: str) -> list[Event]:
    """Play the service's side to a codec, say what the client said, and compare every message with the recorded one."""
    codec = GeminiCodec(Gemini())
    sent = [*codec.open(Opening(SETTINGS))]
    expected: list[Any] = []
    events: list[Event] = []
    for ours, message in recorded("gemini", case):
        assert isinstance(message, str)
        if ours:
            sdk.check_sent(message)
            expected.append(json.loads(message))
            sent += said(codec, json.loads(message))
        else:
            sdk.check_received(message)
            events += codec.receive(message.encode())
            sent += codec.replies()
    assert [json.loads(each) for each in sent] == expected
    return events


def said(codec: GeminiCodec, told: dict[str, Any]) -> list[str | bytes]:
    """Return what the codec makes of what the client wanted then."""
    if "clientContent" in told:
        text = told["clientContent"]["turns"][0]["parts"][0]["text"]
        waiting = codec.encode(CreateItem(item=user(text)))
        return [*waiting, *codec.encode(respond())]
    if "toolResponse" in told:
        (response,) = told["toolResponse"]["functionResponses"]
        waiting = codec.encode(CreateItem(item=output(response["id"], response["response"]["output"])))
        return [*waiting, *codec.encode(respond("resp_second"))]
    if "realtimeInput" in told:
        data = told["realtimeInput"]["audio"]["data"]
        heard = json.loads(codec.hear(FRAME)[0])
        heard["realtimeInput"]["audio"]["data"] = data  # its sound was shortened
        return [json.dumps(heard)]
    return []


def test_recorded_spoken_turn() -> None:
    events = replay("spoken_turn")
    kinds = names(events)
    assert kinds[:4] == ["Resumable", "InputCommitted", "TranscriptFinal", "ResponseCreated"]
    assert [each.text for each in events if isinstance(each, TranscriptFinal)] == ["what time is it"]
    (done,) = (each for each in events if isinstance(each, ResponseDone))
    assert done.status == "completed"
    assert done.usage is not None
    assert done.usage.output_audio_tokens > 0


def test_recorded_text_turn() -> None:
    events = replay("text_turn")
    assert {each.response_id for each in events if hasattr(each, "response_id")} == {"resp_ours"}
    assert not [each for each in events if isinstance(each, InputCommitted | TranscriptFinal)]


def test_recorded_tool_call() -> None:
    events = replay("tool_call")
    called = next(each for each in events if isinstance(each, ToolCalled))
    assert (called.name, called.arguments) == ("get_time", '{"zone": "text"}')
    first, second = (each for each in events if isinstance(each, ResponseDone))
    assert (first.response_id, second.response_id) == (called.response_id, "resp_second")


def test_recorded_barge_in() -> None:
    events = replay("barge_in")
    first, second = (each for each in events if isinstance(each, ResponseDone))
    assert (first.status, first.reason, second.status) == ("cancelled", "turn_detected", "completed")
    assert [each.response_id for each in events if isinstance(each, ReplyCut)] == [first.response_id]


# --- turns ------------------------------------------------------------------------------------------------------------


def test_words_without_an_end_belong_to_the_turn_until_the_answer_is_complete() -> None:
    codec = begun()
    assert content(codec, inputTranscription={"text": "What "}) == []
    committed, created, _ = say(codec)
    assert isinstance(committed, InputCommitted)
    assert isinstance(created, ResponseCreated)
    assert content(codec, inputTranscription={"text": "time"}) == [TranscriptPartial(committed.item_id, "What time", 9)]
    assert content(codec, generationComplete=True) == [TranscriptFinal(committed.item_id, "What time")]
    assert names(content(codec, turnComplete=True)) == ["AudioDone", "ResponseDone"]


def test_an_answer_that_comes_before_the_words_is_that_of_a_turn() -> None:
    codec = begun()
    committed, *_ = say(codec)
    assert isinstance(committed, InputCommitted)
    words = content(codec, inputTranscription={"text": "What time", "finished": True})
    assert words == [TranscriptFinal(committed.item_id, "What time")]
    assert names(content(codec, turnComplete=True)) == ["AudioDone", "ResponseDone"]


def test_the_words_of_a_turn_that_breaks_in_are_its_own() -> None:
    codec = begun()
    content(codec, inputTranscription={"text": "one"})
    say(codec)
    told = content(codec, interrupted=True)
    assert names(told) == ["ReplyCut", "ResponseDone", "TranscriptFinal"]
    assert say(codec) == []
    content(codec, turnComplete=True)
    content(codec, inputTranscription={"text": "two"})
    second, *_ = say(codec)
    assert isinstance(second, InputCommitted)
    assert content(codec, generationComplete=True) == [TranscriptFinal(second.item_id, "two")]


def test_several_things_in_one_message_keep_their_order() -> None:
    codec = begun()
    data = {"mimeType": "audio/pcm;rate=24000", "data": "AQA="}
    told = tell(
        codec,
        serverContent={
            "inputTranscription": {"text": "hi", "finished": True},
            "modelTurn": {"parts": [{"inlineData": data}, {"text": "hm", "thought": True}, {"inlineData": data}]},
            "outputTranscription": {"text": "Hello."},
            "generationComplete": True,
            "turnComplete": True,
        },
        usageMetadata={"promptTokenCount": 5, "responseTokenCount": 7, "thoughtsTokenCount": 2},
    )
    kinds = ["InputCommitted", "TranscriptFinal", "ResponseCreated", "AudioDelta", "AudioDelta", "TextDelta"]
    assert names(told) == [*kinds, "AudioDone", "TextDone", "ResponseDone"]
    done = told[-1]
    assert isinstance(done, ResponseDone)
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens, done.usage.thinking_tokens) == (5, 9, 2)


def test_an_answer_goes_on_where_its_turn_is_in_progress() -> None:
    codec = begun()
    do(codec, CreateItem(item=user("hi")), respond())
    say(codec)
    assert content(codec, turnComplete=True, interactionStatus="IN_PROGRESS") == []
    assert names(say(codec)) == ["AudioDelta"]
    assert names(content(codec, turnComplete=True, interactionStatus="IDLE")) == ["AudioDone", "ResponseDone"]


def test_an_answer_without_a_word_ends_too() -> None:
    codec = begun()
    do(codec, CreateItem(item=user("hi")), respond())
    content(codec, generationComplete=True)
    created, done = content(codec, turnComplete=True, turnCompleteReason="RESPONSE_REJECTED")
    assert isinstance(created, ResponseCreated)
    assert done == ResponseDone("resp_ours", "incomplete", "response_rejected")


def test_the_end_of_a_turn_that_only_called_opens_no_answer() -> None:
    codec = begun()
    do(codec, CreateItem(item=user("time?")), respond())
    tell(codec, toolCall={"functionCalls": [{"id": "c", "name": "get_time", "args": {}}]})
    assert len(do(codec, CreateItem(item=output("c", "5")), respond("resp_two"))) == 1
    assert content(codec, turnComplete=True) == []
    created, *_ = say(codec)
    assert isinstance(created, ResponseCreated)
    assert created.response_id == "resp_two"


def test_functions_without_ids_get_names_that_are_not_sent_back() -> None:
    codec = begun()
    told = tell(codec, toolCall={"functionCalls": [{"name": "get_time"}, {"name": "get_time", "args": {"zone": "x"}}]})
    first, second = (each for each in told if isinstance(each, ToolCalled))
    assert first.call_id != second.call_id
    assert (first.arguments, second.arguments) == ("{}", '{"zone": "x"}')
    (sent,) = do(codec, CreateItem(item=output(second.call_id, "five")))
    assert sent == {
        "toolResponse": {"functionResponses": [{"name": "get_time", "response": {"output": "five"}}]},
    }


def test_the_output_of_a_function_that_was_called_off_is_not_sent() -> None:
    codec = begun()
    tell(codec, toolCall={"functionCalls": [{"id": "c", "name": "get_time", "args": {}}]})
    assert tell(codec, toolCallCancellation={"ids": ["c", "other"]}) == [ToolsCancelled(("c",))]
    assert do(codec, CreateItem(item=output("c", "5"))) == []


def test_the_output_of_a_function_of_before_is_told_as_text() -> None:
    codec = begun()
    (sent,) = do(codec, CreateItem(item=output("unknown", "5")))
    assert "answered: 5" in sent["clientContent"]["turns"][0]["parts"][0]["text"]


# --- what nobody wants ------------------------------------------------------------------------------------------------


def test_a_cancelled_answer_ends_without_waiting_and_cuts_nothing_else() -> None:
    codec = begun()
    do(codec, CreateItem(item=user("count")), respond("resp_one"))
    say(codec)
    do(codec, Interrupt(response_id="resp_one", reason="client_cancelled"))
    assert codec.quiet() == (ResponseDone("resp_one", "cancelled", "client_cancelled"),)
    assert say(codec) == []
    do(codec, CreateItem(item=user("hello")), respond("resp_two"))
    assert say(codec) == []
    assert content(codec, interrupted=True) == []
    assert content(codec, turnComplete=True) == []
    created, _ = say(codec)
    assert isinstance(created, ResponseCreated)
    assert created.response_id == "resp_two"


def test_an_answer_that_is_cancelled_before_it_begins_is_told_in_two_events() -> None:
    codec = begun()
    do(codec, CreateItem(item=user("count")), respond("resp_one"))
    do(codec, Interrupt(response_id="resp_one", reason="client_cancelled"))
    assert names(say(codec)) == ["ResponseCreated", "ResponseDone"]
    assert say(codec) == []
    assert content(codec, turnComplete=True) == []
    assert names(say(codec)) == ["InputCommitted", "ResponseCreated", "AudioDelta"]


def test_a_cut_without_the_end_of_its_turn_does_not_silence_the_next_one() -> None:
    codec = begun()
    say(codec)
    content(codec, interrupted=True)
    content(codec, inputTranscription={"text": "stop", "finished": True})
    assert names(say(codec)) == ["ResponseCreated", "AudioDelta"]


# --- turns that the client ends ---------------------------------------------------------------------------------------


def test_a_turn_that_the_client_ends_keeps_its_newest_minute() -> None:
    codec = begun(PUSH)
    for number in range(MAX_BUFFERED // 640 + 10):
        assert not codec.hear(bytes([number % 251, 0]) * 320)
    sent = do(codec, CommitInput())
    assert [next(iter(each["realtimeInput"])) for each in (sent[0], sent[-1])] == ["activityStart", "activityEnd"]
    assert len(sent) == 2 + 600
    (committed,) = codec.quiet()
    assert isinstance(committed, InputCommitted)
    assert do(codec, respond()) == []
    assert names(say(codec)) == ["ResponseCreated", "AudioDelta"]
    assert do(codec, CommitInput()) == []


def test_a_turn_that_the_client_ends_can_be_forgotten() -> None:
    codec = begun(PUSH)
    codec.hear(FRAME)
    do(codec, ClearInput())
    assert do(codec, CommitInput()) == []
    with pytest.raises(Unsupported):
        do(begun(), ClearInput())


# --- what is written --------------------------------------------------------------------------------------------------


def test_context_waits_for_the_end_of_an_answer() -> None:
    codec = begun()
    do(codec, CreateItem(item=user("hi")), respond())
    assert do(codec, CreateItem(item=user("Ada calls", "system"))) == []
    say(codec)
    assert not codec.replies()
    content(codec, turnComplete=True)
    (sent,) = codec.replies()
    assert json.loads(sent)["clientContent"]["turnComplete"] is False


def test_too_much_that_waits_is_refused() -> None:
    codec = begun()
    with pytest.raises(Unsupported):
        for _ in range(1000):
            do(codec, CreateItem(item=user("again")))


# --- odds and ends ----------------------------------------------------------------------------------------------------


HANDLE = {"newHandle": "h", "resumable": True}


def answered(codec: GeminiCodec) -> None:
    """Let the model say something and be done."""
    say(codec)
    content(codec, turnComplete=True)


def test_leaving_and_resuming() -> None:
    codec = begun()
    assert tell(codec, goAway={"timeLeft": "9.5s"}) == [GoingAway(9.5)]
    assert tell(codec, sessionResumptionUpdate=HANDLE) == [Resumable(None)], "the session knows nothing yet"
    answered(codec)
    assert tell(codec, sessionResumptionUpdate=HANDLE) == [Resumable("h")]
    assert tell(codec, sessionResumptionUpdate={"resumable": False}) == [Resumable(None)]


def test_a_session_is_not_taken_up_again_without_what_is_held_back() -> None:
    codec = begun()
    answered(codec)
    do(codec, CreateItem(item=user("and this")))
    assert tell(codec, sessionResumptionUpdate=HANDLE) == [Resumable(None)]
    do(codec, respond())
    answered(codec)
    assert tell(codec, sessionResumptionUpdate=HANDLE) == [Resumable("h")]


def test_counts_outside_an_answer_are_reported_under_names_of_their_own() -> None:
    codec = begun()
    first, second = (tell(codec, usageMetadata={"promptTokenCount": count}) for count in (3, 4))
    keys = [each.key for each in (*first, *second) if isinstance(each, UsageReported)]
    assert len(set(keys)) == 2


def test_a_count_of_an_answer_without_an_end_is_settled() -> None:
    codec = begun()
    say(codec)
    assert tell(codec, usageMetadata={"responseTokenCount": 4}) == []
    (reported,) = codec.settle()
    assert isinstance(reported, UsageReported)
    assert reported.usage.output_tokens == 4
    assert codec.settle() == ()


def test_nonsense_changes_nothing() -> None:
    codec = begun()
    do(codec, CreateItem(item=user("hi")), respond())
    for name in ("bad_json", "array", "empty", "binary", "bad_utf8"):
        with pytest.raises(Garbled):
            codec.receive(GARBAGE[name])
    sound = '"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"AA=="}}]}}'
    half = '{"usageMetadata":{"promptTokenCount":9},' + sound + "}"
    with pytest.raises(Garbled):
        codec.receive(half)
    assert codec.settle() == ()
    assert names(say(codec)) == ["ResponseCreated", "AudioDelta"]


def test_what_is_not_known_is_counted_within_bounds() -> None:
    codec = begun()
    for number in range(10 * MAX_UNKNOWN):
        assert codec.receive(json.dumps({f"new{number}": {}})) == []
    assert len(codec.unknown) <= MAX_UNKNOWN + 1
    assert codec.unknown.total() == 10 * MAX_UNKNOWN


def test_a_written_answer_has_no_sound() -> None:
    codec = begun(replace(SETTINGS, output_modalities=("text",)))
    do(codec, CreateItem(item=user("hi")), respond(settings=replace(SETTINGS, output_modalities=("text",))))
    events = [*say(codec), *content(codec, outputTranscription={"text": "Hello."}), *content(codec, turnComplete=True)]
    assert names(events) == ["ResponseCreated", "TextDelta", "TextDone", "ResponseDone"]
    assert not [each for each in events if isinstance(each, AudioDelta)]
    assert [each.text for each in events if isinstance(each, TextDelta)] == ["Hello."]
