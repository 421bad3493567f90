import asyncio
import gc
import math
import threading
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamTrack

from mediaserver.config import Config, Media, Model, Sessions, Turns
from mediaserver.conversation.limits import Limits
from mediaserver.errors import ConfigError
from signaling.app import build, limits, media_settings
from signaling.door import DOOR
from tests.audio.tiny_onnx import needs_runtime, smart_turn
from tests.clips import RATE, clip
from tests.conformance.openai_types import check_event
from tests.signaling.doors import KEY, SDP
from tests.signaling.houses import Phone, house, phone


class Recording(MediaStreamTrack):
    """PCM16 mono in 20 ms frames, in real time, then silence."""

    kind = "audio"

    def __init__(self, pcm: bytes, rate: int = RATE) -> None:
        super().__init__()
        self._pcm = np.frombuffer(pcm, np.int16)
        self._rate = rate
        self._sample = 0
        self._start = 0.0

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._start = self._start or loop.time()
        await asyncio.sleep(self._start + self._sample / self._rate - loop.time())
        size = self._rate // 50
        pcm = self._pcm[self._sample : self._sample + size]
        pcm = np.pad(pcm, (0, size - len(pcm)))
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._sample, Fraction(1, self._rate)
        self._sample += size
        return frame


def tone(seconds: float = 10.0) -> Recording:
    """440 Hz."""
    at = np.arange(int(48000 * seconds))
    return Recording((8000 * np.sin(2 * math.pi * 440 * at / 48000)).astype(np.int16).tobytes(), 48000)


async def loudest(call: Phone, frames: int = 100) -> int:
    """Return the loudest sample that comes back."""
    track = next(receiver.track for receiver in call.peer.getReceivers())
    peak = 0
    async with asyncio.timeout(15):
        for _ in range(frames):
            peak = max(peak, int(np.abs((await track.recv()).to_ndarray()).max()))
            if peak > 3000:
                break
    return peak


async def test_a_stock_client_hears_itself_on_echo_and_hangs_up() -> None:
    async with house() as client, phone(client, "?model=echo", tone()) as call:
        assert (await call.until("session.created"))["session"]["model"] == "echo"
        assert await loudest(call) > 3000
        call.say(type="session.update", event_id="mine", session={"type": "realtime", "tracing": "auto"})
        assert (await call.until("session.updated"))["session"]["tracing"] == "auto"
        call.say(type="session.update", event_id="wrong", session={"colour": "red"})
        error = (await call.until("error"))["error"]
        assert (error["event_id"], error["param"]) == ("wrong", "session.colour")
        over = await client.post(f"{call.place}/hangup", headers=KEY)
        assert over.status == 200
        assert (await client.post(f"{call.place}/hangup", headers=KEY)).status == 404
        for event in call.events:
            check_event(event)


@pytest.mark.engines
async def test_the_embedded_default_answers_a_typed_question() -> None:
    async with house() as client, phone(client, "?model=local") as call:
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "what is two plus three"}],
        }
        call.say(type="conversation.item.create", item=item)
        call.say(type="response.create")
        done = await call.until("response.done")
        assert done["response"]["status"] == "completed"
        [answer] = done["response"]["output"]
        assert "five" in answer["content"][0]["transcript"].lower() or "5" in answer["content"][0]["transcript"]
        await call.until("output_audio_buffer.stopped")
        assert "response.output_audio.delta" not in {event["type"] for event in call.events}
        for event in call.events:
            check_event(event)


@pytest.mark.engines
async def test_the_embedded_default_answers_a_spoken_question() -> None:
    spoken = clip("goforward").pcm + bytes(RATE * 2 * 2)  # no pause that a busy machine could take for its end
    async with house() as client, phone(client, "?model=local", Recording(spoken)) as call:
        started = await call.until("input_audio_buffer.speech_started")
        transcript = await call.until("conversation.item.input_audio_transcription.completed")
        assert transcript["item_id"] == started["item_id"] and transcript["transcript"]
        assert (await call.until("response.done"))["response"]["status"] == "completed"
        kinds = [event["type"] for event in call.events]
        order = [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "response.created",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
        for event in call.events:
            check_event(event)


async def test_a_draining_house_lets_the_call_end_and_takes_no_new_one() -> None:
    async with house() as client, phone(client, "?model=echo") as call:
        door = client.app[DOOR]
        assert door.house is not None
        door.accepting = False
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(door.house.sessions.drain(10))
            assert (await client.get("/readyz")).status == 503
            refused = await client.post("/v1/realtime/calls", headers=KEY | SDP, data="v=0")
            assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0
            assert not draining.done()
            assert (await client.post(f"{call.place}/hangup", headers=KEY)).status == 200
        assert draining.result() == 0


async def test_ready_once_everything_is_open() -> None:
    async with house() as client:
        assert (await client.get("/readyz")).status == 200


@pytest.mark.parametrize(
    ("model", "path"),
    [(Model(bridge="teleport"), "models.local"), (Model(llm={"engine": "openai_compatible"}), "models.local.llm")],
)
def test_a_model_that_cannot_be_stops_the_start(model: Model, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        build(Config(models={"local": model}))
    assert refused.value.path.startswith(path)


def test_a_missing_model_of_turns_stops_the_start() -> None:
    with pytest.raises(ConfigError) as refused:
        build(Config(turns=Turns(end_model="/nowhere.onnx")))
    assert refused.value.path == "turns.end_model"


async def test_a_model_of_turns_lives_as_long_as_the_house(tmp_path: Path) -> None:
    needs_runtime()
    file = tmp_path / "tiny.onnx"
    file.write_bytes(smart_turn())
    config = Config(media=Media(port=0, addresses=("127.0.0.1",)), turns=Turns(end_model=str(file)))
    async with house(config) as client:
        assert (await client.get("/readyz")).status == 200
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("judge")] == ["judge_0"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("judge")]


def test_the_configuration_reaches_the_rooms() -> None:
    config = Config(media=Media(port=5, silence_end_s=9.0), sessions=Sessions(max_items=9))
    assert (media_settings(config).port, media_settings(config).silence_end_s) == (5, 9.0)
    assert limits(config) == Limits(3600.0, 300.0, 15.0, max_items=9)


async def test_nothing_of_a_call_outlives_it_but_its_record() -> None:
    async with house() as client:
        assert client.app is not None
        door = client.app[DOOR]
        async with phone(client, "?model=echo") as call:
            [peer] = [weakref.ref(held.peer) for held in door.calls.values() if held.peer is not None]
            await client.post(f"{call.place}/hangup", headers=KEY)
            assert (await client.get(call.place, headers=KEY)).status == 200
        assert not door.calls
        gc.collect()
        assert peer() is None
