"""The simulator in front of the vendor's own client: ``deepgram-sdk`` with only its environment changed."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest
from deepgram.environment import DeepgramClientEnvironment

with warnings.catch_warnings():  # the SDK imports the old half of websockets
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram import AsyncDeepgramClient
    from deepgram.agent.v1 import types
    from deepgram.core.api_error import ApiError

from tests.bridges.deepgram import sdk
from tests.servers import toned
from tests.servers.deepgram_agent import DeepgramAgentServer
from tests.servers.minds import Brain

RATE = 24000
SPEECH = toned.speak(30, 4, RATE) + bytes(RATE * 2)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def client(server: DeepgramAgentServer, key: str | None = None) -> AsyncDeepgramClient:
    http, ws = server.http, server.http.replace("http", "ws")
    environment = DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
    return AsyncDeepgramClient(api_key=key or server.key, environment=environment)


def settings(**agent: Any) -> types.AgentV1Settings:
    return types.AgentV1Settings.model_validate(
        {
            "type": "Settings",
            "audio": {
                "input": {"encoding": "linear16", "sample_rate": RATE},
                "output": {"encoding": "linear16", "sample_rate": RATE, "container": "none"},
            },
            "agent": {
                "listen": {"provider": {"type": "deepgram", "version": "v2", "model": "flux-general-en"}},
                "think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "prompt": "Be brief.", **agent},
                "speak": {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}},
            },
        }
    )


async def until(connection: Any, kind: str) -> list[Any]:
    """Return what the SDK made of each message up to one of a kind; sound is ``bytes``."""
    got: list[Any] = []
    async with asyncio.timeout(20):
        async for message in connection:
            got.append(message)
            if getattr(message, "type", "") == kind:
                return got
    raise AssertionError(f"closed before {kind}: {[getattr(each, 'type', 'sound') for each in got]}")


async def begun(connection: Any, **agent: Any) -> None:
    await until(connection, "Welcome")
    await connection.send_settings(settings(**agent))
    await until(connection, "SettingsApplied")


async def test_the_sdk_speaks_and_is_answered() -> None:
    async with DeepgramAgentServer(brain=Brain("count to three"), speed=20) as server:
        async with client(server).agent.v1.connect() as connection:
            await begun(connection)
            for start in range(0, len(SPEECH), 4800):
                await connection.send_media(SPEECH[start : start + 4800])
            got = await until(connection, "AgentAudioDone")
        kinds = [type(each).__name__ for each in got]
        assert kinds[:3] == ["AgentV1UserStartedSpeaking", "AgentV1ConversationText", "AgentV1AgentThinking"]
        assert toned.sentences(b"".join(each for each in got if isinstance(each, bytes)), RATE) == [1, 2, 3]
        for message in server.told:
            sdk.check_received(message)


async def test_the_sdk_answers_a_function_and_writes_a_turn() -> None:
    tool = {"name": "get_time", "description": "The time", "parameters": {"type": "object", "properties": {}}}
    async with DeepgramAgentServer(speed=20) as server:
        async with client(server).agent.v1.connect() as connection:
            await begun(connection, functions=[tool])
            await connection.send_inject_user_message(types.AgentV1InjectUserMessage(content="use get_time"))
            asked = (await until(connection, "FunctionCallRequest"))[-1].functions[0]
            assert (asked.name, asked.client_side) == ("get_time", True)
            answer = types.AgentV1SendFunctionCallResponse(id=asked.id, name=asked.name, content="14:05")
            await connection.send_function_call_response(answer)
            got = await until(connection, "AgentAudioDone")
        assert got[1].content == "The tool says 14:05."


async def test_the_sdk_is_refused_like_by_the_vendor() -> None:
    async with DeepgramAgentServer() as server:
        with pytest.raises(ApiError) as refused:
            async with client(server, "wrong").agent.v1.connect():
                pass
        assert refused.value.status_code == 401
        async with client(server).agent.v1.connect() as connection:
            await until(connection, "Welcome")
            too_hot = {"type": "open_ai", "model": "gpt-4o-mini", "temperature": 5.0}
            await connection.send_settings(settings(provider=too_hot))
            assert (await until(connection, "Error"))[-1].code == "INVALID_SETTINGS"


@pytest.mark.parametrize("sent", ["{", "[]", '{"type": "KeepAlive", "more": 1}', '{"type": "Dance"}', b"\0\0"])
async def test_what_is_not_documented_ends_the_session(sent: str | bytes) -> None:
    async with DeepgramAgentServer() as server, client(server).agent.v1.connect() as connection:
        await until(connection, "Welcome")
        if sent != b"\0\0":
            await connection.send_settings(settings())
            await until(connection, "SettingsApplied")
        await connection._websocket.send(sent)
        assert (await until(connection, "Error"))[-1].code == "UNPARSABLE_CLIENT_MESSAGE"


async def test_what_is_billed_is_the_connected_time(tmp_path: Any) -> None:
    async with (
        DeepgramAgentServer(truth=tmp_path / "truth.jsonl") as server,
        client(server).agent.v1.connect() as connection,
    ):
        await begun(connection)
        await asyncio.sleep(0.3)
    assert server.truth.total("seconds", "session") >= 0.3
    assert len((tmp_path / "truth.jsonl").read_text().splitlines()) == 1
