"""The vendor's own ``Conversation`` class, unmodified, against the simulator: so that the simulator is honest."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs

from tests.bridges.elevenlabs.sdk import sdk
from tests.servers import toned
from tests.servers.elevenlabs_agents import Agent, ElevenLabsAgents
from tests.servers.minds import Brain

TOOL = {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}
CHUNK = 16000 // 10 * 2


class Telephone(sdk.AudioInterface):
    """A microphone that says what it is given, five times faster than one can, and silence afterwards."""

    def __init__(self) -> None:
        self.heard = b""
        self.interrupted = threading.Event()
        self._say: list[bytes] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, pcm: bytes) -> None:
        """Say this next."""
        self._say += [pcm[start : start + CHUNK].ljust(CHUNK, b"\0") for start in range(0, len(pcm), CHUNK)]

    def start(self, input_callback: Callable[[bytes], None]) -> None:
        def speak() -> None:
            while not self._stop.wait(0.02):
                input_callback(self._say.pop(0) if self._say else bytes(CHUNK))

        self._thread = threading.Thread(target=speak)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def output(self, audio: bytes) -> None:
        self.heard += audio

    def interrupt(self) -> None:
        self.interrupted.set()


@asynccontextmanager
async def conversing(
    server: ElevenLabsAgents, telephone: Telephone | None = None, **more: Any
) -> AsyncIterator[tuple[Any, dict[str, list[Any]]]]:
    """Run a conversation in the SDK's own threads; the lists are what its callbacks were told."""
    told: dict[str, list[Any]] = {"agent": [], "user": [], "corrected": [], "ended": []}
    loop = asyncio.get_running_loop()
    with httpx.Client(trust_env=False) as http, ThreadPoolExecutor(1) as threads:
        conversation = sdk.Conversation(
            ElevenLabs(api_key=server.key, base_url=server.http, httpx_client=http),
            server.agent.id,
            requires_auth=not server.agent.public,
            audio_interface=telephone,
            callback_agent_response=told["agent"].append,
            callback_user_transcript=told["user"].append,
            callback_agent_response_correction=lambda before, after: told["corrected"].append((before, after)),
            callback_disconnect=told["ended"].append,
            **more,
        )
        await loop.run_in_executor(threads, conversation.start_session)
        try:
            yield conversation, told
        finally:
            await loop.run_in_executor(threads, conversation.end_session)
            await loop.run_in_executor(threads, conversation.wait_for_session_end)


async def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("public", [False, True])
async def test_talks_and_is_interrupted(public: bool) -> None:
    telephone = Telephone()
    telephone.say(toned.speak(3, 4, 16000))
    brain = Brain("count to eight", "hello")
    async with ElevenLabsAgents(agent=Agent(public=public), brain=brain, speed=4) as server:
        async with conversing(server, telephone) as (_, told):
            await until(lambda: len(telephone.heard) > 32000)
            telephone.say(toned.speak(4, 4, 16000))
            await until(telephone.interrupted.is_set)
            at_cut = len(telephone.heard)
            await until(lambda: len(told["agent"]) == 2 and len(telephone.heard) > at_cut + 72_000)
        assert told["user"] == ["count to eight", "hello"]
        assert told["agent"][1] == "You said hello. That is my answer."
        assert told["corrected"][0][0] == told["agent"][0]
        assert toned.sentences(telephone.heard, 16000)[-2:] == [
            toned.number("You said hello."),
            toned.number("That is my answer."),
        ]
        assert server.last.pongs
        assert {each.sentence for each in toned.spoken(bytes(server.last.received), 16000)} == {3, 4}


async def test_writes_and_runs_a_function() -> None:
    tools = sdk.ClientTools()
    tools.register("get_time", lambda parameters: f"five in {parameters['zone']}")
    agent = Agent(tools=(TOOL,), allowed=("prompt", "text_only"))
    config = sdk.ConversationInitiationData(
        conversation_config_override={"agent": {"prompt": {"prompt": "Be brief."}}}, dynamic_variables={"caller": "Ada"}
    )
    async with ElevenLabsAgents(agent=agent, speed=50) as server:
        async with conversing(server, Telephone(), client_tools=tools, config=config) as (conversation, told):
            await until(lambda: server.connections and server.last.begun is not None)
            conversation.send_contextual_update("Ada is calling")
            conversation.register_user_activity()
            conversation.send_user_message("use the tool")
            await until(lambda: told["agent"])
        assert told["agent"] == ["The tool says five in text. Is there anything else?"]
        assert server.last.lines[0].text == "Ada is calling"
        assert server.last.begun.dynamic_variables == {"caller": "Ada"}


async def test_a_forbidden_override_ends_it() -> None:
    config = sdk.ConversationInitiationData(conversation_config_override={"tts": {"voice_id": "nora"}})
    async with ElevenLabsAgents() as server, conversing(server, Telephone(), config=config) as (_, told):
        await until(lambda: told["ended"])
        assert (told["ended"][0].reason, told["ended"][0].close_code) == ("error", 1008)
