"""Calls a server as Pipecat's client SDKs do (SmallWebRTC, RTVI), writes a question, and returns what the bot said.

usage: python rtvi_caller.py http://localhost:8080 "what can you do"
"""

import asyncio
import json
import sys

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

KEY = "sk-local"
PATIENCE_S = 60


async def call(server: str, question: str) -> str:
    """Ask one question; returns the sentences of the answer as they were heard."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    chat = peer.createDataChannel("chat")
    sentences: list[str] = []
    finished = asyncio.Event()

    def send(kind: str, data: dict) -> None:
        chat.send(json.dumps({"label": "rtvi-ai", "type": kind, "id": kind, "data": data}))

    @chat.on("open")
    def on_open():
        send("client-ready", {"version": "2.1.0", "about": {"library": "example"}})

    @chat.on("message")
    def on_message(text):
        message = json.loads(text)
        data = message.get("data") or {}
        if message["type"] == "bot-ready":
            send("send-text", {"content": question})
        elif message["type"] == "bot-output" and data.get("spoken_status") == "completed":
            sentences.append(data["text"])
        elif message["type"] == "bot-stopped-speaking":
            finished.set()

    peer.addTrack(AudioStreamTrack())  # a microphone that is silent
    await peer.setLocalDescription(await peer.createOffer())
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        async with http.post(f"{server}/start", json={"body": {"model": "local"}}) as response:
            response.raise_for_status()
            session = (await response.json())["sessionId"]
        offer = {"sdp": peer.localDescription.sdp, "type": "offer", "pc_id": None, "restart_pc": False}
        async with http.post(f"{server}/sessions/{session}/api/offer", json=offer) as response:
            response.raise_for_status()
            answer = await response.json()
    try:
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await asyncio.wait_for(finished.wait(), PATIENCE_S)
    finally:
        await peer.close()
    return " ".join(sentences)


if __name__ == "__main__":
    print(asyncio.run(call(*sys.argv[1:3])))
