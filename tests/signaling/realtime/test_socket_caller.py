from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mediaserver.audio import g711
from mediaserver.commands import Command, CommitInput, TruncateItem
from mediaserver.events import (
    AudioDone,
    Heard,
    ItemAdded,
    PlayoutFinished,
    PlayoutStarted,
    ResponseCreated,
    SessionCreated,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from signaling.realtime.codec import RealtimeCodec
from signaling.realtime.effective import Effective
from signaling.realtime.reader import Terms
from signaling.realtime.socket_caller import DELTA, SocketCaller
from signaling.socket import Socket
from tests.fakes.caller import tone
from tests.fakes.virtual_time import now, run


class Wire:
    """What was sent to the client, and why it was hung up."""

    hang_up_binary: Any = Socket.hang_up_binary

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.hung_up: tuple[Any, ...] | None = None

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    def hang_up(self, *why: Any) -> None:
        self.hung_up = why

    def types(self) -> list[str]:
        return [event["type"] for event in self.sent]


class Listener:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.asked: list[Command] = []
        self.refused: list[str] = []
        self.notes: list[PlayoutStarted | PlayoutFinished] = []

    def hear(self, pcm: bytes, at: float) -> None:
        self.frames.append(pcm)

    def ask(self, command: Command) -> None:
        self.asked.append(command)

    def note(self, event: PlayoutStarted | PlayoutFinished) -> None:
        self.notes.append(event)

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        self.refused.append(code)


def make(*, extended: bool = False, **formats: Any) -> tuple[SocketCaller, Wire, Listener]:
    wire, listener = Wire(), Listener()
    codec = RealtimeCodec(Effective(Settings("local"), **formats), Terms(sound=True))
    caller = SocketCaller("rtc_1", wire, codec, now, extended=extended)  # type: ignore[arg-type]
    caller.attach(listener, hear_rate=16000, play_rate=24000, live=False)  # type: ignore[arg-type]
    caller.tell(SessionCreated("sess_1", Settings("local")))
    return caller, wire, listener


def append(pcm: bytes) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})


def begin(caller: SocketCaller, item_id: str = "item_1") -> None:
    caller.tell(ResponseCreated("resp_1"))
    item = Item(item_id, role="assistant", status="in_progress", parts=(Part("output_audio", ""),))
    caller.tell(ItemAdded(item, None))


@pytest.mark.parametrize(
    ("formats", "sound"),
    [
        ({}, tone(200, 24000)),
        ({"input_format": {"type": "audio/pcmu"}}, g711.encode_ulaw(tone(200, 8000))),
        ({"input_format": {"type": "audio/pcma"}}, g711.encode_alaw(tone(200, 8000))),
    ],
)
def test_sound_becomes_exact_frames_at_the_rate_that_is_wanted(formats: dict[str, Any], sound: bytes) -> None:
    async def scenario() -> None:
        caller, _, listener = make(**formats)
        for at in range(0, len(sound), 1000):
            await caller.take(append(sound[at : at + 1000]))
        await caller.take(json.dumps({"type": "input_audio_buffer.commit"}))
        assert {len(frame) for frame in listener.frames} == {640}
        assert 9 <= len(listener.frames) <= 11
        assert listener.asked == [CommitInput()]

    run(scenario())


def test_sound_out_is_told_with_its_names_and_before_its_end() -> None:
    async def scenario() -> None:
        caller, wire, _ = make()
        begin(caller)
        caller.play("item_1", tone(2000, 24000))
        caller.finish("item_1")
        caller.tell(AudioDone("resp_1", "item_1"))
        deltas = [event for event in wire.sent if event["type"] == "response.output_audio.delta"]
        assert {(one["response_id"], one["item_id"], one["output_index"], one["content_index"]) for one in deltas} == {
            ("resp_1", "item_1", 0, 0)
        }
        assert all(len(base64.b64decode(one["delta"])) <= DELTA for one in deltas)
        assert b"".join(base64.b64decode(one["delta"]) for one in deltas) == tone(2000, 24000)
        types = wire.types()
        assert types.index("response.content_part.added") < types.index("response.output_audio.delta")
        last = max(index for index, name in enumerate(types) if name == "response.output_audio.delta")
        assert last < types.index("response.output_audio.done")

    run(scenario())


def test_sound_out_is_in_the_format_that_was_asked_for() -> None:
    async def scenario() -> None:
        caller, wire, _ = make(output_format={"type": "audio/pcmu"})
        begin(caller)
        caller.play("item_1", tone(400, 24000))
        caller.finish("item_1")
        said = b"".join(base64.b64decode(one["delta"]) for one in wire.sent if "delta" in one)
        assert abs(len(said) - 8 * 400) <= 80

    run(scenario())


def test_what_was_played_is_reckoned_until_the_client_says_it() -> None:
    async def scenario() -> None:
        caller, _, listener = make()
        begin(caller)
        caller.play("item_1", tone(3000, 24000))
        caller.finish("item_1")
        assert caller.played("item_1") == 0
        await caller.take(
            json.dumps(
                {
                    "type": "conversation.item.truncate",
                    "item_id": "item_1",
                    "content_index": 0,
                    "audio_end_ms": 700,
                }
            )
        )
        assert listener.asked == [TruncateItem(item_id="item_1", content_index=0, audio_end_ms=700)]
        assert caller.played("item_1") <= 700

    run(scenario())


@pytest.mark.parametrize("audio", ["not base64!", "AAA"])
def test_sound_that_is_none_is_refused_and_the_call_goes_on(audio: str) -> None:
    async def scenario() -> None:
        caller, wire, listener = make()
        await caller.take(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        assert listener.refused == ["invalid_value"]
        assert wire.hung_up is None
        await caller.take(append(tone(40, 24000)))
        assert listener.frames

    run(scenario())


def test_a_binary_message_ends_the_call() -> None:
    async def scenario() -> None:
        caller, wire, listener = make()
        await caller.take(b"\0\0")
        assert wire.hung_up is not None
        assert wire.hung_up[2] == 1003
        assert not listener.frames

    run(scenario())


def test_the_extension_is_for_who_asked_for_it() -> None:
    async def scenario() -> None:
        plain, wire, listener = make()
        plain.tell(Heard("item_1", 340, "Hello", " there", False))
        await plain.take('{"type": "ping", "t0": 5}')
        assert wire.types() == ["session.created"]
        assert len(listener.refused) == 1

        told, wire, listener = make(extended=True)
        told.tell(Heard("item_1", 340, "Hello", " there", False))
        await told.take('{"type": "ping", "t0": 5}')
        assert wire.types() == ["session.created", "hello", "heard", "pong"]
        assert (wire.sent[1]["call_id"], wire.sent[1]["session_id"], wire.sent[3]["t0"]) == ("rtc_1", "sess_1", 5)
        assert listener.refused == []

    run(scenario())
