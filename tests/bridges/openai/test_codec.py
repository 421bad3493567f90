import json
from pathlib import Path
from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from bridges.codec import Codec, Garbled
from bridges.openai.codec import REMEMBERED, UNKNOWN_TYPES, OpenAICodec
from bridges.options import OpenAI
from mediaserver.bridge import Opening
from mediaserver.commands import (
    BeginSpeech,
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
    InputTimedOut,
    Problem,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    ResponseRefused,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, TurnDetection
from tests.bridges.openai.recording import CASES, FOLDER, SETTINGS, SIMULATORS, codec_for
from tests.servers.openai_realtime import client_types, refuse_extra

SERVER: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
GA = ("openai", "azure")


def begun(**told: Any) -> OpenAICodec:
    """Return a codec whose session has begun."""
    codec = OpenAICodec(OpenAI(**told))
    codec.open(Opening(Settings("m")))
    assert tell(codec, "session.created", session={"id": "s"}) == []
    assert tell(codec, "session.updated", session={}) == []
    assert codec.ready
    return codec


def tell(codec: Codec, kind: str, **fields: Any) -> list[Event]:
    return list(codec.receive(json.dumps({"type": kind, "event_id": "e", **fields})))


def said(codec: Codec, command: Any) -> list[dict[str, Any]]:
    return [json.loads(message) for message in codec.encode(command)]


def refusal(codec: Codec, name: str | None, code: str | None = "x", **fields: Any) -> list[Event]:
    error = {"type": "invalid_request_error", "code": code, "message": "No.", "param": None, "event_id": name}
    return tell(codec, "error", error={**error, **fields})


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class Replay:
    """A recording played to a fresh codec: the provider's messages as they came, our commands where they were sent."""

    def __init__(self, provider: str, case: str) -> None:
        self.codec, _ = codec_for(provider)
        self.codec.open(Opening(SETTINGS))
        self.events: list[Event] = []
        self.made: list[dict[str, Any]] = []
        self.recorded: list[dict[str, Any]] = []
        self._names: list[str] = []
        for line in lines(FOLDER / provider / f"{case}.jsonl"):
            if line["from"] == "server":
                self.events += self.codec.receive(line["text"])
                self.codec.replies()
            else:
                self._asked(json.loads(line["text"]))

    def _asked(self, message: dict[str, Any]) -> None:
        if message["type"] == "response.create":
            mark = message["response"].get("metadata", {}).get("mediaserver_response")
            self._names.append(mark or f"r{len(self._names)}")
            command: Any = Respond(response_id=self._names[-1], settings=SETTINGS)
        elif message["type"] == "response.cancel":
            command = Interrupt(response_id=self._names[-1], reason="client_cancelled")
        else:
            return
        self.recorded.append({**message, "event_id": ""})
        self.made += [{**json.loads(each), "event_id": ""} for each in self.codec.encode(command)]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("provider", SIMULATORS)
def test_a_recording_is_understood_and_asked_for_in_the_same_words(provider: str, case: str) -> None:
    played = Replay(provider, case)
    assert played.made == played.recorded
    assert not played.codec.unknown
    created, done = played.of(ResponseCreated), played.of(ResponseDone)
    assert [each.response_id for each in created] == [each.response_id for each in done]
    assert not played.of(Problem)
    check = {"spoken_turn": spoken_turn, "tool_call": tool_call, "barge_in": barge_in}[case]
    check(played)


def spoken_turn(played: Replay) -> None:
    assert len(played.of(SpeechStarted)) == len(played.of(SpeechStopped)) == 1
    assert [each.text for each in played.of(TranscriptFinal)] == ["what time is it"]
    assert played.of(ResponseDone)[0].status == "completed"
    assert len(played.of(AudioDelta)) > 10


def tool_call(played: Replay) -> None:
    (call,) = played.of(ToolCalled)
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "text"})
    assert [each.status for each in played.of(ResponseDone)] == ["completed", "completed"]


def barge_in(played: Replay) -> None:
    first, _, third = played.of(ResponseDone)
    assert (first.status, first.reason) == ("cancelled", "turn_detected")
    assert (third.status, third.reason) == ("cancelled", "client_cancelled")
    assert played.of(ReplyCut) == [ReplyCut(first.response_id)]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("provider", GA)
def test_every_message_of_a_recording_is_known_to_the_sdk(provider: str, case: str) -> None:
    for line in lines(FOLDER / provider / f"{case}.jsonl"):
        message = json.loads(line["text"])
        if line["from"] == "client":
            refuse_extra(client_types()[message["type"]].model_validate(message))
        else:
            SERVER.validate_python(message)


def test_a_frame_is_one_append() -> None:
    (message,) = begun().hear(b"\x01\x02\x03" * 320)
    assert json.loads(message) == {"type": "input_audio_buffer.append", "audio": "AQID" * 320}
    (message,) = begun(audio_format="pcmu").hear(bytes(320))
    assert json.loads(message)["audio"] == "////" * 53 + "/w=="


def test_what_there_is_no_word_for_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        begun().encode(BeginSpeech(item_id="i"))


def test_an_update_says_only_what_is_new() -> None:
    codec = begun()
    (message,) = said(codec, UpdateSession(settings=Settings("m", instructions="New.")))
    assert message["session"] == {"type": "realtime", "instructions": "New."}
    (message,) = said(codec, UpdateSession(settings=Settings("m", instructions="New.", speed=1.2)))
    assert message["session"] == {"type": "realtime", "audio": {"output": {"speed": 1.2}}}


def test_an_item_without_words_is_not_sent() -> None:
    assert said(begun(), CreateItem(item=Item("i", role="user", parts=(Part("input_audio"),)))) == []


def test_errors_find_their_command_again() -> None:
    codec = begun()
    (message,) = said(codec, DeleteItem(item_id="i", event_id="mine"))
    (problem,) = refusal(codec, message["event_id"])
    assert problem == Problem("No.", "x", "invalid_request_error", None, "mine")
    assert refusal(codec, message["event_id"])[0] == Problem("No.", "x", "invalid_request_error", None, None)
    assert refusal(codec, "unheard of", code=None)[0] == Problem("No.", "invalid_request_error")


def test_a_refused_response_is_told_under_our_name_and_not_taken_for_another() -> None:
    codec = begun()
    (message,) = said(codec, Respond(response_id="r1", settings=Settings("m")))
    assert refusal(codec, message["event_id"], "any") == [ResponseRefused("r1", "any", "No.")]
    (created,) = tell(codec, "response.created", response={"id": "theirs"})
    assert isinstance(created, ResponseCreated)
    assert created.response_id != "r1"


def test_what_only_we_wanted_is_no_problem_of_the_clients() -> None:
    codec = begun()
    (message,) = said(codec, TruncateItem(item_id="i", content_index=0, audio_end_ms=9))
    assert refusal(codec, message["event_id"], "unsupported_content_type") == []
    (deletion,) = codec.replies()
    assert isinstance(deletion, str)
    assert json.loads(deletion)["item_id"] == "i"
    (message,) = said(codec, TruncateItem(item_id="i", content_index=0, audio_end_ms=9, event_id="mine"))
    assert refusal(codec, message["event_id"], "unsupported_content_type")
    assert codec.replies() == []
    assert refusal(codec, None, "response_cancel_not_active") == []


@pytest.mark.parametrize(
    ("code", "expected"), [("session_expired", "session_expired"), ("invalid_api_key", "unauthorized")]
)
def test_fatal_errors_end_the_session(code: str, expected: str) -> None:
    with pytest.raises(BridgeError) as raised:
        refusal(begun(), None, code)
    assert raised.value.code == expected


@pytest.mark.parametrize("interrupts", [True, False])
def test_a_reply_that_the_provider_stops_by_itself_is_not_stopped_twice(interrupts: bool) -> None:
    codec = begun()
    codec.encode(UpdateSession(settings=Settings("m", turn_detection=TurnDetection(interrupt_response=interrupts))))
    codec.encode(Respond(response_id="r", settings=Settings("m")))
    tell(codec, "response.created", response={"id": "theirs", "metadata": {"mediaserver_response": "r"}})
    tell(codec, "input_audio_buffer.speech_started", item_id="i", audio_start_ms=0)
    sent = said(codec, Interrupt(response_id="r", reason="turn_detected"))
    assert [message["type"] for message in sent] == ([] if interrupts else ["response.cancel"])
    delta = {"response_id": "theirs", "item_id": "j", "delta": "AAA="}
    assert tell(codec, "response.output_audio.delta", **delta) == []


def test_a_client_stops_a_reply_also_while_it_speaks() -> None:
    codec = begun()
    codec.encode(Respond(response_id="r", settings=Settings("m")))
    tell(codec, "response.created", response={"id": "theirs", "metadata": {"mediaserver_response": "r"}})
    tell(codec, "input_audio_buffer.speech_started", item_id="i", audio_start_ms=0)
    (message,) = said(codec, Interrupt(response_id="r", reason="client_cancelled"))
    assert message["response_id"] == "theirs"


def test_transcripts_grow_and_end_once() -> None:
    codec, name = begun(), "conversation.item.input_audio_transcription"
    assert tell(codec, f"{name}.delta", item_id="i", delta="a") == [TranscriptPartial("i", "a", 1)]
    assert tell(codec, f"{name}.delta", item_id="i", delta="b") == [TranscriptPartial("i", "ab", 2)]
    usage = {"type": "tokens", "input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    (final,) = tell(codec, f"{name}.completed", item_id="i", content_index=0, transcript="ab c", usage=usage)
    assert isinstance(final, TranscriptFinal)
    assert final.usage is not None
    assert (final.text, final.usage.input_tokens, final.usage.source) == ("ab c", 5, "provider")
    assert tell(codec, f"{name}.completed", item_id="i", transcript="ab c") == []
    assert tell(codec, f"{name}.failed", item_id="i", error={"code": "c"}) == []
    (failed,) = tell(codec, f"{name}.failed", item_id="j", error={"code": "c", "message": "m"})
    assert failed == TranscriptFailed("j", "c", "m")


def test_times_that_are_left_out_are_counted_from_the_sound() -> None:
    codec = begun()
    for _ in range(50):
        codec.hear(bytes(960))
    assert tell(codec, "input_audio_buffer.speech_started", item_id="i") == [SpeechStarted("i", 1000)]
    assert tell(codec, "input_audio_buffer.speech_stopped", item_id="i") == [SpeechStopped("i", 1000)]
    (silent,) = tell(codec, "input_audio_buffer.timeout_triggered", item_id="i", audio_start_ms=1, audio_end_ms=2)
    assert silent == InputTimedOut("i", 1, 2)


def test_memory_is_bounded() -> None:
    codec, name = begun(), "conversation.item.input_audio_transcription"
    for number in range(REMEMBERED * 3):
        codec.encode(CommitInput())
        codec.encode(Respond(response_id=f"r{number}", settings=Settings("m")))
        tell(codec, f"kind.{number}")
        tell(codec, f"{name}.delta", item_id=f"i{number}", delta="a")
        tell(codec, f"{name}.completed", item_id=f"j{number}", transcript="a")
    assert len(codec.unknown) == UNKNOWN_TYPES
    assert all(len(held) <= REMEMBERED for held in (codec._sent, codec._words, codec._written))


@pytest.mark.parametrize("message", ["", "{}", "[]", '{"type":1}', '{"type":"error"}', b"{}", '{"type":"\\ud800"}'])
def test_nonsense_is_garbled(message: str | bytes) -> None:
    with pytest.raises(Garbled):
        begun().receive(message)


def test_closes() -> None:
    codec = begun()
    assert codec.closed(1000, "") is None
    failure = codec.closed(4000, "invalid_request_error.secret")
    assert failure is not None
    assert (failure.code, failure.retryable) == ("refused", False)
    assert "secret" not in str(failure)
