"""The official SDK, unchanged, against the simulator: what it sends is understood, what it gets is what it knows."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from tests.servers import toned
from tests.servers.minds import Brain
from tests.servers.openai_realtime import OpenAIRealtime
from tests.servers.provider import Faults

MODEL = "gpt-realtime-2.1"
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def client_of(sim: OpenAIRealtime) -> AsyncOpenAI:
    base = sim.url.removesuffix("/realtime")
    return AsyncOpenAI(api_key=sim.key, websocket_base_url=base, base_url=base.replace("ws", "http", 1))


@asynccontextmanager
async def connected(**server: Any) -> AsyncIterator[tuple[AsyncRealtimeConnection, OpenAIRealtime]]:
    async with OpenAIRealtime(**{"speed": 20, **server}) as sim:
        client = AsyncOpenAI(
            api_key=sim.key, websocket_base_url=sim.url.removesuffix("/realtime"), base_url=sim.http + "/v1"
        )
        async with client, client.realtime.connect(model=MODEL) as connection:
            yield connection, sim


async def until(connection: AsyncRealtimeConnection, kind: str) -> list[Any]:
    got: list[Any] = []
    async with asyncio.timeout(20):
        while not got or got[-1].type != kind:
            got.append(await connection.recv())
    return got


def text_item(text: str, **more: Any) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **more}


async def test_a_written_turn_comes_in_the_documented_order() -> None:
    async with connected() as (connection, _):
        await connection.session.update(session={"type": "realtime", "instructions": "Be brief.", "tools": []})
        assert (await until(connection, "session.updated"))[-1].session.instructions == "Be brief."
        await connection.conversation.item.create(item=text_item("count to two"))
        await connection.response.create(response={"metadata": {"a": "b"}})
        got = await until(connection, "response.done")
        order = [event.type for event in got if not event.type.endswith(".delta")]
        assert order == [
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "rate_limits.updated",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        pcm = b"".join(base64.b64decode(event.delta) for event in got if event.type == "response.output_audio.delta")
        assert toned.sentences(pcm, 24000) == [1, 2]
        response = got[-1].response
        assert (response.status, response.metadata) == ("completed", {"a": "b"})
        assert response.usage.output_token_details.audio_tokens == len(pcm) // 2 * 1000 // 24000 // 50


async def test_a_spoken_turn_is_heard_written_down_and_answered() -> None:
    async with connected(brain=Brain("what time is it")) as (connection, _):
        audio = {"input": {"transcription": {"model": "gpt-transcribe"}}}
        await connection.session.update(session={"type": "realtime", "audio": audio})
        speech = bytes(24000) + toned.speak(3, 4, 24000) + bytes(48000)
        for start in range(0, len(speech), 9600):
            await connection.input_audio_buffer.append(audio=base64.b64encode(speech[start : start + 9600]).decode())
        got = {event.type: event for event in await until(connection, "response.done")}
        assert abs(got["input_audio_buffer.speech_started"].audio_start_ms - 200) <= 60
        written = got["conversation.item.input_audio_transcription.completed"]
        assert (written.transcript, written.item_id) == ("what time is it", got["input_audio_buffer.committed"].item_id)
        assert got["response.output_audio_transcript.done"].transcript.startswith("You said what time is it.")


async def test_a_function_is_called() -> None:
    async with connected() as (connection, _):
        await connection.session.update(session={"type": "realtime", "tools": [TOOL]})
        await connection.conversation.item.create(item=text_item("use the tool"))
        await connection.response.create()
        (call,) = (await until(connection, "response.done"))[-1].response.output
        assert (call.type, call.name, call.arguments) == ("function_call", "get_weather", '{"city": "text"}')
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        )
        await connection.response.create(response={"output_modalities": ["text"]})
        got = await until(connection, "response.done")
        assert got[-1].response.output[0].content[0].text.startswith("The tool says sunny.")


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


def create(**item: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": text_item("a", **item)}


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (update(voice="marin"), "missing_required_parameter", "session.type"),
        (update(type="realtime", voice="marin"), "unknown_parameter", "session.voice"),
        (update(type="realtime", instructions="X", temperature=1), "unknown_parameter", "session.temperature"),
        (update(type="realtime", model="gpt-other"), "invalid_value", "session.model"),
        (create(id="i" * 33), "string_above_max_length", "item.id"),
        ({"type": "conversation.item.delete", "item_id": "none"}, "item_delete_invalid_item_id", "item_id"),
        ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
        ({"type": "response.cancel"}, "response_cancel_not_active", None),
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
        ({"type": "input_audio_buffer.append", "audio": "!!"}, "invalid_value", "audio"),
        ({"type": "transcription_session.update"}, "invalid_value", "type"),
        ({"type": "response.create", "response": {"metadata": {str(n): "" for n in range(17)}}}, "invalid_value", None),
    ],
)
async def test_what_the_provider_would_refuse_is_refused_whole_and_by_name(
    message: dict[str, Any], code: str, param: str | None
) -> None:
    async with connected() as (connection, sim):
        await connection.send({**message, "event_id": "mine"})  # type: ignore[misc]
        error = (await until(connection, "error"))[-1].error
        assert (error.code, error.event_id) == (code, "mine")
        assert param is None or error.param.startswith(param)
        assert sim.last.session["instructions"] != "X"


async def test_an_interruption_and_what_was_heard_of_the_reply() -> None:
    async with connected(speed=4) as (connection, _):
        await connection.conversation.item.create(item=text_item("count to nine"))
        await connection.response.create()
        first = (await until(connection, "response.output_audio.delta"))[-1]
        await connection.response.create()
        assert (await until(connection, "error"))[-1].error.code == "conversation_already_has_active_response"
        await asyncio.sleep(0.3)
        await connection.response.cancel()
        done = (await until(connection, "response.done"))[-1].response
        assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
        await connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=600)
        await until(connection, "conversation.item.truncated")
        await connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=90_000)
        assert (await until(connection, "error"))[-1].error.param == "audio_end_ms"
        await connection.response.create()
        text = (await until(connection, "response.output_audio_transcript.done"))[-1].transcript
        assert text.startswith("Sentence two")


async def test_the_beta_header_is_answered_as_since_may_2026() -> None:
    async with OpenAIRealtime() as sim:
        client = AsyncOpenAI(
            api_key=sim.key, websocket_base_url=sim.url.removesuffix("/realtime"), base_url=sim.http + "/v1"
        )
        headers = {"OpenAI-Beta": "realtime=v1"}
        async with client, client.realtime.connect(model=MODEL, extra_headers=headers) as connection:
            assert (await until(connection, "error"))[-1].error.code == "beta_api_shape_disabled"


async def test_the_cap_is_told_before_the_close() -> None:
    async with connected(faults=Faults(session_s=0.3)) as (connection, _):
        assert (await until(connection, "error"))[-1].error.code == "session_expired"
