"""The official Python SDK holds whole conversations over a WebSocket, with only its base URL changed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from mediaserver.audio.resample import Resampler
from mediaserver.config import Config, Media, Model
from signaling.door import DOOR
from tests import clips
from tests.conformance.openai_types import check_event
from tests.conformance.test_openai_python import sdk
from tests.fakes.caller import tone
from tests.signaling.houses import House, house

LIMIT_S = 60.0
LOOPBACK = Media(port=0, addresses=("127.0.0.1",))
ECHO = Config(models={"echo": Model(bridge="echo")}, default_model="echo", media=LOOPBACK)
LOCAL = Config(models={"local": Model()}, media=LOOPBACK)


class Talk:
    """One connection of the SDK and every event that it read, checked against its own types."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def until(self, kind: str, count: int = 1) -> Any:
        async with asyncio.timeout(LIMIT_S):
            while len(found := [event for event in self.events if event.type == kind]) < count:
                event = await self.connection.recv()
                check_event(event.to_dict())
                self.events.append(event)
        return found[count - 1]

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def sound(self) -> bytes:
        deltas = [event.delta for event in self.events if event.type == "response.output_audio.delta"]
        return b"".join(base64.b64decode(delta) for delta in deltas)


@asynccontextmanager
async def talk(client: House, key: str = "sk-local", **how: Any) -> AsyncIterator[Talk]:
    async with sdk(client, key) as user, user.realtime.connect(**how) as connection:
        yield Talk(connection)


def question() -> bytes:
    """A recorded question at the contract's rate."""
    return Resampler(clips.RATE, 24000).feed(clips.clip("goforward").pcm)


async def append(call: Talk, sound: bytes) -> None:
    await call.connection.input_audio_buffer.append(audio=base64.b64encode(sound).decode())


async def test_sound_of_the_echo() -> None:
    async with house(ECHO) as client, talk(client, model="echo") as call:
        await call.until("session.created")
        await call.connection.session.update(session={"type": "realtime", "instructions": "x"})
        assert (await call.until("session.updated")).session.instructions == "x"
        await append(call, tone(400, 24000))
        await call.until("response.output_audio.delta", 15)
        assert call.sound() == tone(400, 24000)[: len(call.sound())]


async def test_a_client_secret_and_a_sideband() -> None:
    async with house(ECHO) as client, sdk(client) as user:
        made = await user.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "realtime", "model": "echo", "instructions": "baked in"},
            extra_body={"restrict": {"max_duration_s": 60}},
        )
        assert made.value.startswith("ek_")
        async with talk(client, made.value, model="echo") as call:
            created = await call.until("session.created")
            assert created.session.instructions == "baked in"
            [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
            async with talk(client, call_id=session.caller.id) as side:
                assert (await side.until("session.created")).session.instructions == "baked in"
                await side.connection.session.update(session={"type": "realtime", "instructions": "from beside"})
                assert (await call.until("session.updated")).session.instructions == "from beside"


async def test_refusals_before_the_upgrade() -> None:
    async with house(ECHO) as client:
        for key, model, status in (("sk-no", "echo", 401), ("sk-local", "none", 404)):
            with pytest.raises(Exception) as refused:
                async with talk(client, key, model=model):
                    pass
            assert str(status) in str(refused.value)


@pytest.mark.engines
async def test_speech_in_speech_out() -> None:
    """The whole order of a spoken turn, and the item as it can be fetched afterwards."""
    async with house(LOCAL) as client, talk(client, model="local") as call:
        await call.until("session.created")
        await call.connection.session.update(
            session={"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}
        )
        await call.until("session.updated")
        await append(call, question() + bytes(48000 * 2))
        done = (await call.until("response.done")).response
        assert done.status == "completed"
        types = call.types()
        order = [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "response.created",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        assert [kind for kind in dict.fromkeys(types) if kind in order] == order
        assert len(types) - types[::-1].index("response.output_audio.delta") <= types.index(
            "response.output_audio.done"
        )
        assert not any(kind.startswith("output_audio_buffer") for kind in types)
        assert len(call.sound()) > 24000
        heard = await call.until("conversation.item.input_audio_transcription.completed")
        assert heard.transcript
        await call.connection.conversation.item.retrieve(item_id=heard.item_id)
        item = (await call.until("conversation.item.retrieved")).item
        assert item.content[0].transcript == heard.transcript


@pytest.mark.engines
async def test_a_written_turn_cut_by_the_client() -> None:
    """The client stops playing, says how much was heard, and is told so; what it never asked for it is not told."""
    async with house(LOCAL) as client, talk(client, model="local") as call:
        await call.until("session.created")
        text = {"type": "input_text", "text": "count to twenty"}
        await call.connection.conversation.item.create(item={"type": "message", "role": "user", "content": [text]})  # type: ignore[typeddict-item, list-item]
        await call.connection.response.create()
        delta = await call.until("response.output_audio.delta", 2)
        await call.until("response.done")
        await call.connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=340)
        cut = await call.until("conversation.item.truncated")
        assert (cut.item_id, cut.audio_end_ms) == (delta.item_id, 340)
        await call.connection.conversation.item.truncate(
            item_id=delta.item_id, content_index=0, audio_end_ms=10_000_000
        )
        assert (await call.until("error")).error.param == "audio_end_ms"
        await call.connection.response.cancel()
        assert (await call.until("error", 2)).error.code == "response_cancel_not_active"


@pytest.mark.engines
async def test_a_transcription_session_writes_down_and_answers_nothing() -> None:
    async with house(LOCAL) as client, talk(client, extra_query={"intent": "transcription"}) as call:
        created = await call.until("session.created")
        assert created.session.type == "transcription"
        await append(call, question() + bytes(48000 * 2))
        heard = await call.until("conversation.item.input_audio_transcription.completed")
        assert heard.transcript and heard.usage is not None
        await call.connection.response.create()
        assert (await call.until("error")).error.code == "unsupported_session_type"
        assert "response.created" not in call.types()


async def test_the_sdk_is_told_of_the_end() -> None:
    async with house(ECHO) as client, talk(client, model="echo") as call:
        await call.until("session.created")
        [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
        async with sdk(client) as user:
            await user.realtime.calls.hangup(session.caller.id)
        with pytest.raises(Exception, match="1000"):
            await call.until("never")
