"""The official Python SDK over WebSocket and WebRTC, with only its base URL changed, on our engines and on two providers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from mediaserver.audio.resample import Resampler
from tests import clips
from tests.conformance.backends import ASKED, BACKENDS, LONG, backends, hung_up
from tests.conformance.openai_types import check_event
from tests.servers.voice_server import VoiceServer

LIMIT_S = 40.0
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Says what the weather is in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}

pytestmark = [
    pytest.mark.engines,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("model", BACKENDS),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    async with backends() as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _hung_up(server: VoiceServer) -> AsyncIterator[None]:
    async with hung_up():
        yield


def sdk(server: VoiceServer, key: str = "sk-local") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=key, base_url=f"{server.url}/v1", max_retries=0)


async def until(line: AsyncRealtimeConnection, kind: str) -> tuple[Any, list[RealtimeServerEvent]]:
    """Return the next event of a kind and all up to it, each held to the SDK's types; errors are failures."""
    seen: list[RealtimeServerEvent] = []
    async with asyncio.timeout(LIMIT_S):
        while True:
            seen.append(event := await line.recv())
            assert event.type != "error", event
            check_event(event.to_dict())
            if event.type == kind:
                return event, seen


async def ask(line: AsyncRealtimeConnection, text: str) -> None:
    content: list[Any] = [{"type": "input_text", "text": text}]
    await line.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await line.response.create()


async def test_connects_and_is_answered_aloud(server: VoiceServer, model: str) -> None:
    async with sdk(server) as user, user.realtime.connect(model=model) as line:
        created, _ = await until(line, "session.created")
        assert created.session.model == model
        await ask(line, "hello there")
        done, seen = await until(line, "response.done")
        sound = b"".join(base64.b64decode(one.delta) for one in seen if one.type == "response.output_audio.delta")
        assert done.response.status == "completed"
        assert (done.response.usage.output_tokens > 0) is (model != "local")  # our own engines count no tokens
        assert len(sound) / 48 > 500
        assert any(one.type == "response.output_audio_transcript.done" and one.transcript for one in seen)


async def test_hears_a_question_and_gives_it_back_as_an_item(server: VoiceServer, model: str) -> None:
    question = Resampler(clips.RATE, 24000).feed(clips.clip("goforward").pcm) + bytes(48000 * 2)
    audio: Any = {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}
    async with sdk(server) as user, user.realtime.connect(model=model) as line:
        await line.session.update(session={"type": "realtime", "instructions": "Be brief.", "audio": audio})
        updated, _ = await until(line, "session.updated")
        assert updated.session.instructions == "Be brief."
        await line.input_audio_buffer.append(audio=base64.b64encode(question).decode())
        heard, seen = await until(line, "conversation.item.input_audio_transcription.completed")
        while not (done := [one for one in seen if one.type == "response.done"]):
            seen.append((await until(line, "response.done"))[0])
        assert heard.transcript and done[0].response.status == "completed"
        kinds = [one.type for one in seen]
        assert kinds.index("input_audio_buffer.speech_started") < kinds.index("input_audio_buffer.committed")
        await line.conversation.item.retrieve(item_id=heard.item_id)
        item = (await until(line, "conversation.item.retrieved"))[0].item
        assert (item.role, item.content[0].transcript) == ("user", heard.transcript)


async def test_calls_a_tool_and_uses_what_it_said(server: VoiceServer, model: str) -> None:
    async with sdk(server) as user, user.realtime.connect(model=model) as line:
        await line.session.update(session={"type": "realtime", "tools": [WEATHER], "instructions": "Be brief."})  # type: ignore[list-item]
        await until(line, "session.updated")
        await ask(line, ASKED[model])
        called, _ = await until(line, "response.function_call_arguments.done")
        assert called.name == "get_weather" and json.loads(called.arguments)["city"]
        await until(line, "response.done")
        await line.conversation.item.create(
            item={"type": "function_call_output", "call_id": called.call_id, "output": "sunny, 21 degrees"}
        )
        await line.response.create()
        said, _ = await until(line, "response.output_audio_transcript.done")
        assert "sunny" in said.transcript


async def test_a_reply_is_cancelled(server: VoiceServer, model: str) -> None:
    async with sdk(server) as user, user.realtime.connect(model=model) as line:
        await ask(line, LONG)
        await until(line, "response.output_audio.delta")
        await line.response.cancel()
        done, _ = await until(line, "response.done")
        assert done.response.status == "cancelled"
        assert done.response.status_details.reason == "client_cancelled"


async def test_a_client_secret_opens_the_session_it_was_made_for(server: VoiceServer, model: str) -> None:
    async with sdk(server) as user:
        made = await user.realtime.client_secrets.create(
            session={"type": "realtime", "model": model, "instructions": "Be brief.", "tools": [WEATHER]}  # type: ignore[list-item]
        )
    assert made.value.startswith("ek_")
    async with sdk(server, made.value) as browser, browser.realtime.connect(model=model) as line:
        created, _ = await until(line, "session.created")
        assert created.session.instructions == "Be brief." and created.session.tools[0].name == "get_weather"
        await ask(line, "hello there")
        done, _ = await until(line, "response.done")
        assert done.response.status == "completed"


@pytest.mark.parametrize("multipart", [True, False], ids=["multipart", "raw"])
async def test_a_webrtc_call_is_answered_and_hung_up(server: VoiceServer, model: str, multipart: bool) -> None:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel = peer.createDataChannel("oai-events")
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1000)
    channel.on("message", lambda text: told.put_nowait(json.loads(text)))
    peer.addTrack(AudioStreamTrack())
    try:
        await peer.setLocalDescription(await peer.createOffer())
        sdp = peer.localDescription.sdp
        async with sdk(server) as user, asyncio.timeout(LIMIT_S):
            made = (
                await user.realtime.calls.create(sdp=sdp, session={"type": "realtime", "model": model})
                if multipart
                else await user.realtime.calls.create(sdp=sdp, extra_query={"model": model})
            )
            await peer.setRemoteDescription(RTCSessionDescription(made.text, "answer"))
            while (created := await told.get())["type"] != "session.created":
                pass
            assert created["session"]["model"] == model
            content = [{"type": "input_text", "text": "hello there"}]
            item = {"type": "message", "role": "user", "content": content}
            channel.send(json.dumps({"type": "conversation.item.create", "item": item}))
            channel.send(json.dumps({"type": "response.create"}))
            while (event := await told.get())["type"] != "response.output_audio_transcript.done":
                assert event["type"] != "error", event
            assert event["transcript"]
            call_id = made.response.headers["Location"].rpartition("/")[2]
            await user.realtime.calls.hangup(call_id)
            with pytest.raises(openai.NotFoundError):
                await user.realtime.calls.hangup(call_id)
    finally:
        await peer.close()
