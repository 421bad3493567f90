"""The simulator in front of the vendor's own client: ``openai`` with only its base URL changed."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from tests.bridges.live import sdk
from tests.servers import toned
from tests.servers.minds import Brain
from tests.servers.openai_live import LiveServer

RATE = 24000
SPEECH = toned.speak(30, 4, RATE) + bytes(RATE * 2)
TOOL = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}}
AUDIO = {"format": {"type": "audio/pcm", "rate": RATE}, "output": {"voice": "cedar"}}


def client(server: LiveServer, key: str | None = None) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key or server.key, base_url=f"{server.http}/v1")


async def until(connection: Any, kind: str) -> list[Any]:
    """Return what the SDK made of each event up to one of a kind."""
    got: list[Any] = []
    async with asyncio.timeout(20):
        while not got or got[-1].type != kind:
            got.append(await connection.recv())
    return got


async def speak(connection: Any) -> None:
    for start in range(0, len(SPEECH), 4800):
        await connection.session.input_audio.append(audio=b64encode(SPEECH[start : start + 4800]).decode())


async def test_the_sdk_speaks_is_answered_and_hangs_up() -> None:
    async with LiveServer(brain=Brain("count to two"), hurry=20) as server:
        async with client(server) as api, api.live.connect() as connection:
            session = {"model": "gpt-live-1", "audio": AUDIO, "instructions": "Be brief."}
            await connection.session.start(session=session, event_id="e1")
            started = (await until(connection, "session.started"))[-1]
            assert (started.session.model, started.client_event_id) == ("gpt-live-1", "e1")
            await speak(connection)
            got = await until(connection, "session.usage.updated")
            await connection.session.close()
            got += await until(connection, "session.closed")
        heard = "".join(each.delta for each in got if each.type == "session.input_transcript.delta")
        said = "".join(each.delta for each in got if each.type == "session.output_transcript.delta")
        pcm = b"".join(b64decode(each.delta) for each in got if each.type == "session.output_audio.delta")
        assert (heard, said) == ("count to two", "Sentence one of the answer. Sentence two of the answer.")
        assert toned.sentences(pcm, RATE) == [1, 2]
        assert got[-1].reason == "close_requested"
        for event in server.told:
            sdk.check_received(event)


async def test_the_sdk_answers_a_function_of_the_delegate() -> None:
    async with (
        LiveServer(brain=Brain("use get_time"), hurry=20) as server,
        client(server) as api,
        api.live.connect() as connection,
    ):
        delegation = {"type": "responses", "responses": {"model": "gpt-5-mini", "tools": [TOOL]}}
        session = {"model": "gpt-live-1", "audio": AUDIO, "delegation": delegation}
        await connection.session.start(session=session)
        await until(connection, "session.started")
        await speak(connection)
        got = await until(connection, "response.event")
        while got[-1].event["type"] != "response.completed":
            got += await until(connection, "response.event")
        (call,) = (
            each.event["item"] for each in got if getattr(each, "event", {}).get("type") == "response.output_item.done"
        )
        item = {"type": "function_call_output", "call_id": call["call_id"], "output": "14:05"}
        await connection.send({"type": "response.item.create", "item": item})
        await connection.send({"type": "response.create"})
        said = (await until(connection, "session.output_transcript.delta"))[-1]
        assert said.delta == "The tool says 14:05."


async def test_the_sdk_is_refused_like_by_the_vendor() -> None:
    async with LiveServer() as server:
        async with client(server, "wrong") as api:
            with pytest.raises(InvalidStatus) as refused:
                async with api.live.connect():
                    pass
        assert refused.value.response.status_code == 401
        async with client(server) as api, api.live.connect() as connection:
            await connection.session.start(session={"model": "gpt-live-1", "audio": AUDIO, "colour": "red"})
            assert (await until(connection, "error"))[-1].error.code == "unknown_parameter"


async def test_what_cannot_be_is_an_error_and_the_session_goes_on() -> None:
    async with LiveServer() as server, client(server) as api, api.live.connect() as connection:
        await connection.session.start(session={"model": "gpt-live-1", "audio": AUDIO})
        await until(connection, "session.started")
        for event, code in (
            ({"type": "session.start", "session": {}, "event_id": "e1"}, "invalid_event"),
            ({"type": "dance", "event_id": "e2"}, "invalid_event"),
            ({"type": "response.create", "event_id": "e3"}, "invalid_state"),
            (
                {"type": "session.instructions.append", "content": "no delegation_id", "event_id": "e4"},
                "unknown_parameter",
            ),
        ):
            await connection.send(event)
            error = (await until(connection, "error"))[-1].error
            assert (error.code, error.client_event_id) == (code, event["event_id"])
        await connection.session.close()
        assert (await until(connection, "session.closed"))[-1].usage.seconds >= 0
