"""The dialect without a socket: recordings, and what can hardly be provoked on one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.deepgram.codec import EAR, MAX_EARLY, MAX_HELD, MAX_UNKNOWN, DeepgramCodec
from bridges.deepgram.setup import RATE
from bridges.options import DeepgramAgent
from mediaserver.bridge import Opening
from mediaserver.commands import ClearInput, CommitInput, CreateItem, DeleteItem, Interrupt, Respond, TruncateItem
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    AudioDelta,
    Event,
    InputCommitted,
    Problem,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    ResponseRefused,
    SpeechStarted,
    TextDelta,
    ToolCalled,
    ToolsCancelled,
    TranscriptFinal,
    UsageReported,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from tests.bridges.deepgram import sdk
from tests.bridges.recorded import recorded
from tests.servers.provider import GARBAGE

SETTINGS = Settings("m", "Be brief.")
TOOLS = Settings("m", "Be brief.", tools=(Tool("get_time", "The time", {"type": "object", "properties": {}}),))
FRAME = bytes(960)


def user(text: str) -> Item:
    return Item("item_u", role="user", parts=(Part("input_text", text),))


def output(call_id: str, text: str) -> Item:
    return Item("item_o", "function_call_output", call_id=call_id, output=text)


def begun(settings: Settings = SETTINGS, history: tuple[Item, ...] = (), **options: Any) -> DeepgramCodec:
    codec = DeepgramCodec(DeepgramAgent(**options))
    assert codec.open(Opening(settings, history)) == ()
    tell(codec, "Welcome", request_id="r")
    (configured,) = codec.replies()
    assert json.loads(configured)["type"] == "Settings"
    assert not codec.replies()
    assert not codec.ready
    assert not codec.hear(FRAME)
    tell(codec, "SettingsApplied")
    assert codec.ready
    return codec


def tell(codec: DeepgramCodec, kind: str, **fields: Any) -> list[Event]:
    return [*codec.receive(json.dumps({"type": kind, **fields}))]


def names(events: object) -> list[str]:
    return [type(each).__name__ for each in events]  # type: ignore[attr-defined]


# --- recordings -------------------------------------------------------------------------------------------------------


def replay(case: str, settings: Settings = SETTINGS) -> list[Event]:
    """Play the agent's side to a codec, say what the client said, and compare every message with the recorded one."""
    codec = DeepgramCodec(DeepgramAgent())
    codec.open(Opening(settings))
    events: list[Event] = []
    sent: list[str | bytes] = []
    expected: list[Any] = []
    for ours, message in recorded("deepgram", case):
        if ours:
            expected.append(message if isinstance(message, bytes) else json.loads(message))
            sent += _said(codec, message)
        else:
            events += codec.receive(message)
            sent += codec.replies()
    assert [each if isinstance(each, bytes) else json.loads(each) for each in sent] == expected
    return events


def _said(codec: DeepgramCodec, message: str | bytes) -> list[str | bytes]:
    if isinstance(message, bytes):
        return [*codec.hear(message)]
    told = json.loads(message)
    sdk.check_sent(told)
    if told["type"] == "InjectUserMessage":
        waiting = codec.encode(CreateItem(item=user(told["content"])))
        return [*waiting, *codec.encode(Respond(response_id="resp_ours", settings=SETTINGS))]
    if told["type"] == "FunctionCallResponse":
        waiting = codec.encode(CreateItem(item=output(told["id"], told["content"])))
        return [*waiting, *codec.encode(Respond(response_id="resp_ours", settings=SETTINGS))]
    return []  # Settings, which the codec sends by itself


def test_recorded_spoken_turn() -> None:
    events = replay("spoken_turn")
    assert names(events)[:4] == ["SpeechStarted", "InputCommitted", "TranscriptFinal", "ResponseCreated"]
    assert names(events)[-3:] == ["AudioDone", "TextDone", "ResponseDone"]
    assert events[-2].text == "Sentence one of the answer. Sentence two of the answer."  # type: ignore[attr-defined]


def test_recorded_text_turn() -> None:
    events = replay("text_turn")
    assert {each.response_id for each in events if hasattr(each, "response_id")} == {"resp_ours"}
    assert not [each for each in events if isinstance(each, InputCommitted | TranscriptFinal)]


def test_recorded_tool_call() -> None:
    events = replay("tool_call", TOOLS)
    called = next(each for each in events if isinstance(each, ToolCalled))
    assert (called.name, called.arguments) == ("get_time", "{}")
    first, second = (each for each in events if isinstance(each, ResponseDone))
    assert (first.response_id, second.response_id) == (called.response_id, "resp_ours")


def test_recorded_barge_in() -> None:
    events = replay("barge_in")
    first, second = (each for each in events if isinstance(each, ResponseDone))
    assert [each.response_id for each in events if isinstance(each, ReplyCut)] == [first.response_id]
    assert (first.status, first.reason, second.status) == ("cancelled", "turn_detected", "completed")


def test_the_sample_of_the_documentation() -> None:
    codec = begun(TOOLS, greeting="Hello.")
    assert names(tell(codec, "UserStartedSpeaking")) == ["SpeechStarted"]
    assert names(tell(codec, "ConversationText", role="user", content="What time is it?")) == [
        "InputCommitted",
        "TranscriptFinal",
    ]
    asked = [
        {"id": "f0", "name": "elsewhere", "arguments": "{}", "client_side": False},
        {"id": "f1", "name": "get_time", "arguments": "{}", "client_side": True},
    ]
    assert names(tell(codec, "FunctionCallRequest", functions=asked)) == [
        "ResponseCreated",
        "ToolCalled",
        "ResponseDone",
    ]
    assert [json.loads(each) for each in codec.encode(CreateItem(item=output("f1", "14:05")))] == [
        {"type": "FunctionCallResponse", "id": "f1", "name": "get_time", "content": "14:05"}
    ]
    assert names(tell(codec, "ConversationText", role="assistant", content="Five past two.")) == [
        "ResponseCreated",
        "TextDelta",
    ]
    assert names(codec.receive(FRAME)) == ["AudioDelta"]
    assert names(tell(codec, "AgentAudioDone")) == ["AudioDone", "TextDone", "ResponseDone"]


def test_functions_of_the_servers_own_are_none_of_ours() -> None:
    asked = [{"id": "f0", "name": "elsewhere", "arguments": "{}", "client_side": False}]
    assert not tell(begun(), "FunctionCallRequest", functions=asked)


# --- cuts -------------------------------------------------------------------------------------------------------------


def test_what_is_late_after_a_cut_is_dropped_until_the_next_turn() -> None:
    codec = begun()
    tell(codec, "ConversationText", role="assistant", content="One.")
    codec.receive(FRAME)
    assert names(tell(codec, "UserStartedSpeaking")) == ["SpeechStarted", "ReplyCut", "ResponseDone"]
    assert not codec.receive(FRAME)
    assert not tell(codec, "ConversationText", role="assistant", content="Two.")
    assert names(tell(codec, "ConversationText", role="user", content="Stop.")) == ["InputCommitted", "TranscriptFinal"]
    assert names(codec.receive(FRAME)) == ["ResponseCreated", "AudioDelta"]


@pytest.mark.parametrize("sign", ["AgentThinking", "AgentAudioDone", "AgentStartedSpeaking"])
def test_other_signs_of_a_new_reply_end_the_cut_too(sign: str) -> None:
    codec = begun()
    codec.receive(FRAME)
    tell(codec, "UserStartedSpeaking")
    tell(codec, sign)
    assert "AudioDelta" in names(codec.receive(FRAME))


def test_noise_that_becomes_no_turn_keeps_its_item_for_the_turn_that_comes() -> None:
    codec = begun()
    (first,), (second,) = tell(codec, "UserStartedSpeaking"), tell(codec, "UserStartedSpeaking")
    committed, final = tell(codec, "ConversationText", role="user", content="Now.")
    assert isinstance(first, SpeechStarted)
    assert isinstance(second, SpeechStarted)
    assert first.item_id == second.item_id == committed.item_id == final.item_id  # type: ignore[attr-defined]
    (again,) = tell(codec, "UserStartedSpeaking")
    assert again.item_id != first.item_id  # type: ignore[attr-defined]


def test_speech_starts_where_it_was_heard() -> None:
    codec = begun()
    for _ in range(60):
        codec.hear(FRAME)
    (started,) = tell(codec, "UserStartedSpeaking")
    assert started.audio_start_ms == 1200  # type: ignore[attr-defined]


def test_a_second_end_of_sound_says_nothing() -> None:
    codec = begun()
    codec.receive(FRAME)
    assert names(tell(codec, "AgentAudioDone"))[-1] == "ResponseDone"
    assert not tell(codec, "AgentAudioDone")


def test_an_end_of_sound_does_not_end_an_answer_that_has_not_sounded() -> None:
    codec = begun()
    tell(codec, "ConversationText", role="assistant", content="One.")
    assert not tell(codec, "AgentAudioDone")
    assert names(codec.quiet()) == ["TextDone", "ResponseDone"]
    assert not codec.quiet()


# --- written turns ----------------------------------------------------------------------------------------------------


def test_written_turns_wait_and_go_as_one() -> None:
    codec = begun()
    assert not codec.encode(CreateItem(item=user("Hello.")))
    assert not codec.encode(CreateItem(item=user("Are you there?")))
    (sent,) = codec.encode(Respond(response_id="r1", settings=SETTINGS))
    assert json.loads(sent)["content"] == "Hello.\nAre you there?"
    assert not codec.encode(Respond(response_id="r2", settings=SETTINGS))


def test_too_many_written_turns_are_refused() -> None:
    codec = begun()
    for _ in range(MAX_HELD):
        codec.encode(CreateItem(item=user("x")))
    with pytest.raises(Unsupported):
        codec.encode(CreateItem(item=user("x")))


@pytest.mark.parametrize("sign", ["UserStartedSpeaking", "AgentThinking", None])
def test_a_written_turn_ends_what_was_being_said_and_is_no_speech(sign: str | None) -> None:
    codec = begun()
    tell(codec, "ConversationText", role="assistant", content="One.")
    codec.encode(CreateItem(item=user("Wait.")))
    codec.encode(Respond(response_id="r1", settings=SETTINGS))
    told = tell(codec, sign) if sign else []
    told += tell(codec, "ConversationText", role="user", content="Wait. ")
    (done,) = told
    assert (done.status, done.reason) == ("cancelled", "turn_detected")  # type: ignore[attr-defined]
    created, _ = tell(codec, "ConversationText", role="assistant", content="Yes?")
    assert created.response_id == "r1"  # type: ignore[attr-defined]
    codec.receive(FRAME)
    tell(codec, "AgentAudioDone")
    spoken = tell(codec, "ConversationText", role="user", content="Wait.")
    assert names(spoken) == ["InputCommitted", "TranscriptFinal"]


def test_a_written_turn_whose_echo_never_comes_is_over_with_its_answer() -> None:
    codec = begun()
    codec.encode(CreateItem(item=user("Wait.")))
    codec.encode(Respond(response_id="r1", settings=SETTINGS))
    assert not tell(codec, "AgentAudioDone")  # of the reply before
    assert not tell(codec, "UserStartedSpeaking")
    assert names(codec.receive(FRAME)) == ["ResponseCreated", "AudioDelta"]
    assert not tell(codec, "AgentThinking")
    assert names(tell(codec, "AgentAudioDone")) == ["AudioDone", "ResponseDone"]
    assert names(tell(codec, "UserStartedSpeaking")) == ["SpeechStarted"]


def test_a_refused_turn_is_sent_again() -> None:
    codec = begun()
    codec.encode(CreateItem(item=user("Hello.")))
    codec.encode(Respond(response_id="r1", settings=SETTINGS))
    (refused,) = tell(codec, "InjectionRefused", message="no")
    assert isinstance(refused, ResponseRefused)
    assert (refused.response_id, refused.code) == ("r1", "conversation_already_has_active_response")
    (sent,) = codec.encode(Respond(response_id="r1", settings=SETTINGS))
    assert json.loads(sent) == {"type": "InjectUserMessage", "content": "Hello."}
    tell(codec, "InjectionRefused", message="no")
    assert not tell(codec, "InjectionRefused", message="no")


def test_an_answer_that_is_not_wanted_before_it_begins_is_told_by_its_end_only() -> None:
    codec = begun()
    codec.encode(CreateItem(item=user("Hello.")))
    codec.encode(Respond(response_id="r1", settings=SETTINGS))
    assert not codec.encode(Interrupt(response_id="r1", reason="client_cancelled"))
    assert names(tell(codec, "ConversationText", role="assistant", content="Hi.")) == ["ResponseCreated"]
    assert not codec.receive(FRAME)
    assert tell(codec, "AgentAudioDone") == [ResponseDone("r1", "cancelled", "client_cancelled")]


# --- functions and context --------------------------------------------------------------------------------------------


def test_a_result_that_came_too_late_is_not_sent() -> None:
    codec = begun(TOOLS)
    tell(codec, "FunctionCallRequest", functions=[{"id": "f1", "name": "f", "arguments": "{}", "client_side": True}])
    gone = [{"id": "f1", "name": "f"}, {"id": "f9", "name": "g"}]
    assert tell(codec, "FunctionCallCancelled", functions=gone) == [ToolsCancelled(("f1",))]
    assert not tell(codec, "FunctionCallCancelled", functions=gone)
    assert not codec.encode(CreateItem(item=output("f1", "late")))


def test_a_result_for_the_provider_before_goes_with_the_next_turn() -> None:
    codec = begun(TOOLS)
    item = Item("o", "function_call_output", call_id="old", name="get_time", output="noon")
    assert not codec.encode(CreateItem(item=item))
    (sent,) = codec.encode(Respond(response_id="r1", settings=SETTINGS))
    assert json.loads(sent)["content"] == "The function get_time returned: noon"


def test_context_goes_into_the_prompt_until_that_is_full() -> None:
    codec = begun()
    (sent,) = codec.encode(CreateItem(item=Item("s", role="system", parts=(Part("input_text", "Be kind."),))))
    assert json.loads(sent) == {"type": "UpdatePrompt", "prompt": "Be kind."}
    with pytest.raises(Unsupported):
        codec.encode(CreateItem(item=Item("s", role="system", parts=(Part("input_text", "x" * 25_000),))))


def test_functions_nobody_answers_do_not_pile_up() -> None:
    codec = begun(TOOLS)
    asked = [{"id": "f{}", "name": "f", "arguments": "{}", "client_side": True}]
    with pytest.raises(Garbled):
        for number in range(500):
            tell(codec, "FunctionCallRequest", functions=[{**asked[0], "id": f"f{number}"}])


# --- what it is, what it is not ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ClearInput(),
        DeleteItem(item_id="i"),
        TruncateItem(item_id="i", content_index=0, audio_end_ms=1),
        Respond(response_id="r", settings=SETTINGS, own_input=True),
    ],
)
def test_what_it_has_no_word_for_is_refused(command: Any) -> None:
    with pytest.raises(Unsupported):
        begun().encode(command)


def test_a_turn_can_be_ended_by_force() -> None:
    assert [json.loads(each) for each in begun().encode(CommitInput())] == [{"type": "ForceEndTurn"}]


def test_capabilities_follow_the_configuration() -> None:
    plain = DeepgramCodec(DeepgramAgent()).capabilities
    assert "semantic_vad" in plain.can
    assert plain.voices[0] == "aura-2-thalia-en"
    nova = DeepgramCodec(
        DeepgramAgent(listen_model="nova-3", voices=("aura-2-zeus-en",), max_session_s=60)
    ).capabilities
    assert "semantic_vad" not in nova.can
    assert (nova.voices, nova.max_session_s) == (("aura-2-zeus-en",), 60)
    foreign = DeepgramCodec(DeepgramAgent(speak={"provider": {"type": "eleven_labs"}})).capabilities
    assert not {"voice", "speed"} & foreign.changes
    assert "speed" not in foreign.can


def test_seconds_are_reported_with_what_comes() -> None:
    codec = begun()
    for _ in range(251):
        codec.hear(FRAME)
    told = tell(codec, "AgentThinking", content="")
    assert isinstance(told[0], UsageReported)
    assert (told[0].usage.seconds, told[0].key) == (5.02, "0-5020")
    assert not tell(codec, "AgentThinking", content="")


def test_keep_alives_are_said() -> None:
    assert [json.loads(each) for each in begun().idle()] == [{"type": "KeepAlive"}]
    assert not begun().goodbye()


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_a_warning_is_told_by_its_code_alone() -> None:
    (problem,) = tell(begun(), "Warning", code="PROMPT_TOO_LONG", description="the prompt 'Be brief.' …")
    assert problem == Problem("the provider warns: PROMPT_TOO_LONG", "provider_warning", "provider_warning")


@pytest.mark.parametrize(
    ("code", "word", "retryable"),
    [
        ("INTERNAL_SERVER_ERROR", "unavailable", True),
        ("CLIENT_MESSAGE_TIMEOUT", "timeout", True),
        ("INVALID_SETTINGS", "refused", False),
        ("FAILED_TO_THINK", "provider_error", True),
        ("Be brief. <secret>", "provider_error", True),
    ],
)
def test_an_error_ends_the_session(code: str, word: str, retryable: bool) -> None:
    with pytest.raises(BridgeError) as failure:
        tell(begun(), "Error", code=code, description="secret")
    assert (failure.value.code, failure.value.retryable) == (word, retryable)
    assert "secret" not in failure.value.message


@pytest.mark.parametrize(
    ("code", "reason", "word"),
    [
        (1006, "", "connection_lost"),
        (1008, "DATA-0000", "refused"),
        (1009, "", "too_large"),
        (1011, "NET-0000", "unavailable"),
        (1011, "NET-0001", "timeout"),
        (4000, "", "provider_error"),
    ],
)
def test_a_close_says_why(code: int, reason: str, word: str) -> None:
    failure = begun().closed(code, reason)
    assert failure is not None
    assert failure.code == word


def test_an_orderly_close_is_an_end_but_not_before_the_beginning() -> None:
    assert begun().closed(1000, "") is None
    assert DeepgramCodec(DeepgramAgent()).closed(1000, "") is not None


@pytest.mark.parametrize("junk", [name for name in GARBAGE if name not in ("unknown_event", "oversize", "bad_utf8")])
def test_nonsense_is_garbled(junk: str) -> None:
    try:
        told = begun().receive(GARBAGE[junk])
    except Garbled:
        return
    assert junk == "huge_number"  # valid JSON of a type that is not known
    assert not told


def test_sound_before_its_time_or_in_halves_is_garbled() -> None:
    early = DeepgramCodec(DeepgramAgent())
    early.open(Opening(SETTINGS))
    for codec, sound in ((early, FRAME), (begun(), b"\0\0\0")):
        with pytest.raises(Garbled):
            codec.receive(sound)


def test_a_greeting_before_the_settings_are_confirmed_is_kept_until_then() -> None:
    codec = DeepgramCodec(DeepgramAgent(greeting="Hello."))
    codec.open(Opening(SETTINGS))
    tell(codec, "Welcome", request_id="r")
    assert not tell(codec, "ConversationText", role="assistant", content="Hello.")
    assert not codec.receive(FRAME)
    assert not codec.ready
    assert names(tell(codec, "SettingsApplied")) == ["ResponseCreated", "TextDelta", "AudioDelta"]
    assert names(tell(codec, "AgentAudioDone")) == ["AudioDone", "TextDone", "ResponseDone"]


def test_a_greeting_without_end_is_garbled() -> None:
    codec = DeepgramCodec(DeepgramAgent())
    codec.open(Opening(SETTINGS))
    tell(codec, "Welcome", request_id="r")
    with pytest.raises(Garbled):
        for _ in range(MAX_EARLY // len(FRAME) + 1):
            codec.receive(FRAME)


def test_unknown_types_are_counted_within_bounds() -> None:
    codec = begun()
    for number in range(200):
        assert not tell(codec, f"New{number}")
    assert len(codec.unknown) == MAX_UNKNOWN + 1
    assert sum(codec.unknown.values()) == 200


def test_an_event_out_of_order_breaks_nothing() -> None:
    codec = begun()
    for kind in ("Welcome", "SettingsApplied", "AgentAudioDone", "PromptUpdated", "History", "InjectionRefused"):
        assert not tell(codec, kind)
    assert names(tell(codec, "ConversationText", role="assistant", content="")) == ["ResponseCreated"]
    assert isinstance(tell(codec, "ConversationText", role="assistant", content="x")[0], TextDelta)
    assert not [each for each in tell(codec, "AgentStartedSpeaking") if isinstance(each, ResponseCreated)]


# --- Opus -------------------------------------------------------------------------------------------------------------

PACKET = b"\x78\x80" + bytes(40)


def test_packets_pass_both_ways_one_in_each_message() -> None:
    codec = begun(audio="opus")
    can = codec.capabilities
    assert (can.input_codec, can.output_codec, can.input_rate) == ("opus", "opus", EAR)
    assert codec.hear(PACKET) == (PACKET,)
    (told,) = [each for each in codec.receive(PACKET) if isinstance(each, AudioDelta)]
    assert (told.pcm, told.packets) == (b"", (PACKET,))
    plain = begun().capabilities
    assert (plain.input_codec, plain.output_codec, plain.input_rate) == ("pcm", "pcm", RATE)


def test_connected_time_is_counted_in_packets_too() -> None:
    codec = begun(audio="opus")
    for _ in range(50):
        codec.hear(PACKET)
    (used,) = codec.settle()
    assert isinstance(used, UsageReported)
    assert used.usage.seconds == 1.0


@pytest.mark.parametrize("packet", [b"", b"\x7b", b"\x7b\x3f" + bytes(70)], ids=["empty", "no count", "63 frames"])
def test_what_is_no_packet_is_garbled(packet: bytes) -> None:
    with pytest.raises(Garbled):
        begun(audio="opus").receive(packet)
