"""Three ways in, spoken as their clients speak them: the OpenAI contract over WebSocket and WebRTC, and Pipecat's RTVI.

Each tells what happened in the same few words (:class:`Told`), so that one script of a conversation serves all of them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

RATE = 24000
FRAME_S = 0.02
FRAME_BYTES = int(RATE * FRAME_S) * 2
KEY = {"Authorization": "Bearer sk-local"}


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened: ``updated``, ``spoke``, ``began``, ``done``, ``tool``, ``cut``, ``item``, ``error``."""

    kind: str
    text: str = ""
    id: str = ""
    name: str = ""


class Client(ABC):
    """One call. ``told`` is all that happened; the microphone says silence when it is given nothing else."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._came = asyncio.Event()
        self._mic: deque[bytes] = deque(maxlen=30_000)

    def say(self, pcm: bytes) -> None:
        """Speak this, PCM16 mono at 24 kHz."""
        frames = range(0, len(pcm), FRAME_BYTES)
        self._mic.extend(pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for start in frames)

    def tell(self, told: Told) -> None:
        """Keep what happened."""
        self.told.append(told)
        self._came.set()

    async def until(self, happened: Callable[[list[Told]], bool], since: int, within_s: float) -> bool:
        """Wait until this is so of what happened since; say whether it came to be."""
        try:
            async with asyncio.timeout(within_s):
                while not happened(self.told[since:]):
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return False
        return True

    def frame(self) -> bytes:
        """Return the next 20 ms of the microphone."""
        return self._mic.popleft() if self._mic else bytes(FRAME_BYTES)

    @abstractmethod
    async def update(self, instructions: str, tools: list[dict[str, Any]]) -> bool:
        """Change the session; say whether this way in has a word for it."""

    @abstractmethod
    async def write(self, text: str) -> None:
        """Say something in writing and want it answered."""

    @abstractmethod
    async def answer_tool(self, call: Told, output: str) -> None:
        """Give a function's output."""

    @abstractmethod
    async def retrieve(self, item_id: str) -> None:
        """Ask for an item as the server knows it, where this way in has a word for it."""


@dataclass
class OpenAIClient(Client):
    """The contract's events, whichever way they go."""

    send: Callable[[str], Any] = field(default=lambda _: None)
    last_item: str = ""

    def __post_init__(self) -> None:
        Client.__init__(self)

    async def ask(self, **event: Any) -> None:
        """Send one client event."""
        sent = self.send(json.dumps(event))
        if asyncio.iscoroutine(sent):
            await sent

    async def update(self, instructions: str, tools: list[dict[str, Any]]) -> bool:
        session = {"type": "realtime", "instructions": instructions, "tools": tools}
        await self.ask(type="session.update", session=session)
        return True

    async def write(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.ask(type="conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.ask(type="response.create")

    async def answer_tool(self, call: Told, output: str) -> None:
        item = {"type": "function_call_output", "call_id": call.id, "output": output}
        await self.ask(type="conversation.item.create", item=item)
        await self.ask(type="response.create")

    async def retrieve(self, item_id: str) -> None:
        await self.ask(type="conversation.item.retrieve", item_id=item_id)

    def received(self, text: str) -> None:
        """Take one server event."""
        event = json.loads(text)
        row = _OPENAI.get(event["type"])
        if row is not None:
            self.tell(row(event))


def _done(event: dict[str, Any]) -> Told:
    response = event["response"]
    said = [
        part.get("transcript") or part.get("text") or ""
        for item in response["output"]
        for part in item.get("content", [])
    ]
    ids = [item["id"] for item in response["output"] if item["type"] == "message"]
    return Told("done", " ".join(said), ids[-1] if ids else "", response["status"])


_OPENAI: dict[str, Callable[[dict[str, Any]], Told]] = {
    "session.updated": lambda event: Told("updated"),
    "input_audio_buffer.speech_started": lambda event: Told("spoke"),
    "response.output_item.added": lambda event: Told("began", id=event["item"]["id"]),
    "response.function_call_arguments.done": lambda event: Told(
        "tool", event["arguments"], event["call_id"], event["name"]
    ),
    "response.done": _done,
    "output_audio_buffer.cleared": lambda event: Told("cut"),
    "conversation.item.retrieved": lambda event: Told(
        "item", (event["item"].get("content") or [{}])[0].get("transcript") or "", event["item"]["id"]
    ),
    "error": lambda event: Told("error", event["error"]["message"], name=event["error"]["code"] or ""),
}


@asynccontextmanager
async def over_websocket(base: str, model: str) -> AsyncIterator[Client]:
    """Call over ``/v1/realtime``."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{base}/v1/realtime?model={model}", headers=KEY, max_msg_size=1 << 25) as wire,
    ):
        client = OpenAIClient(send=wire.send_str)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(wire, client))
            speaking = tasks.create_task(_speak(wire, client))
            try:
                yield client
            finally:
                reading.cancel()
                speaking.cancel()


async def _read(wire: aiohttp.ClientWebSocketResponse, client: OpenAIClient) -> None:
    async for message in wire:
        client.received(message.data)


async def _speak(wire: aiohttp.ClientWebSocketResponse, client: OpenAIClient) -> None:
    due = time.monotonic()
    while not wire.closed:
        due += FRAME_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        audio = base64.b64encode(client.frame()).decode()
        await wire.send_str(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')


class Microphone(AudioStreamTrack):
    """What a client says, at its pace."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self._frames = 0
        self._began = 0.0

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms."""
        self._began = self._began or time.monotonic()
        await asyncio.sleep(max(0.0, self._began + self._frames * FRAME_S - time.monotonic()))
        samples = np.frombuffer(self._client.frame(), "<i2").reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._frames * int(RATE * FRAME_S)
        self._frames += 1
        return frame


@asynccontextmanager
async def over_webrtc(base: str, model: str) -> AsyncIterator[Client]:
    """Call over ``/v1/realtime/calls`` with plain aiortc."""
    peer = RTCPeerConnection()
    channel = peer.createDataChannel("oai-events")
    client = OpenAIClient(send=channel.send)
    channel.on("message", client.received)
    peer.addTrack(Microphone(client))
    try:
        await peer.setLocalDescription(await peer.createOffer())
        sdp = {"Content-Type": "application/sdp"} | KEY
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{base}/v1/realtime/calls?model={model}", headers=sdp, data=peer.localDescription.sdp) as answer,
        ):
            assert answer.status == 201, await answer.text()
            await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
        await _open(channel)
        yield client
    finally:
        await peer.close()


async def _open(channel: Any) -> None:
    opened = asyncio.Event()
    channel.on("open", opened.set)
    if channel.readyState != "open":
        async with asyncio.timeout(20):
            await opened.wait()


class RtviClient(Client):
    """Pipecat's RTVI 2.1 on the channel ``chat``."""

    def __init__(self, channel: Any) -> None:
        super().__init__()
        self._channel = channel
        self._said: list[str] = []
        self._ended: str | None = None

    def _ask(self, kind: str, data: dict[str, Any]) -> None:
        self._channel.send(json.dumps({"label": "rtvi-ai", "type": kind, "id": str(len(self.told)), "data": data}))

    def ready(self) -> None:
        """Say that this client is ready, as every RTVI client does first."""
        self._ask("client-ready", {"version": "2.1.0", "about": {"library": "matrix"}})

    async def update(self, instructions: str, tools: list[dict[str, Any]]) -> bool:
        return False

    async def write(self, text: str) -> None:
        self._ask("send-text", {"content": text, "options": {"run_immediately": True, "audio_response": True}})

    async def answer_tool(self, call: Told, output: str) -> None:
        result = {"function_name": call.name, "tool_call_id": call.id, "arguments": {}, "result": output}
        self._ask("llm-function-call-result", result)

    async def retrieve(self, item_id: str) -> None:
        """RTVI has no word for it: what was written of the first reply that ended after the caller began to speak."""
        if self._ended is not None:
            self.tell(Told("item", self._ended))

    def received(self, text: str) -> None:
        """Take one message."""
        said = json.loads(text)
        data = said.get("data") or {}
        if said["type"] == "bot-llm-text":
            self._said.append(data.get("text", ""))
        row = _RTVI.get(said["type"])
        if row is not None:
            self.tell(row(data, "".join(self._said)))
        if said["type"] == "user-started-speaking":
            self._ended = None
        if said["type"] == "bot-llm-stopped":
            self._ended = "".join(self._said) if self._ended is None else self._ended
            self._said.clear()


_RTVI: dict[str, Callable[[dict[str, Any], str], Told]] = {
    "user-started-speaking": lambda data, said: Told("spoke"),
    "bot-llm-started": lambda data, said: Told("began"),
    "bot-llm-stopped": lambda data, said: Told("done", said, name="completed"),
    "bot-interrupted": lambda data, said: Told("cut"),
    "llm-function-call-in-progress": lambda data, said: Told(
        "tool", json.dumps(data.get("arguments")), data.get("tool_call_id", ""), data.get("function_name", "")
    ),
    "error": lambda data, said: Told("error", str(data.get("error") or data.get("message")), name="error"),
    "error-response": lambda data, said: Told("error", str(data.get("error")), name="error"),
}


@asynccontextmanager
async def over_rtvi(base: str, model: str, tools: list[dict[str, Any]] | None = None) -> AsyncIterator[Client]:
    """Call over ``/api/offer`` as Pipecat's small-webrtc-transport does."""
    peer = RTCPeerConnection()
    channel = peer.createDataChannel("chat")
    client = RtviClient(channel)
    channel.on("message", client.received)
    peer.addTrack(Microphone(client))
    try:
        await peer.setLocalDescription(await peer.createOffer())
        wanted = {"model": model, "session": {"type": "realtime", "instructions": "Be brief.", "tools": tools or []}}
        body = {"sdp": peer.localDescription.sdp, "type": "offer", "requestData": wanted}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{base}/api/offer", headers=KEY, json=body) as answer,
        ):
            said = await answer.json()
            assert answer.status == 200, said
            await peer.setRemoteDescription(RTCSessionDescription(said["sdp"], "answer"))
        await _open(channel)
        client.ready()
        yield client
    finally:
        await peer.close()
