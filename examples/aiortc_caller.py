"""Calls a server with stock aiortc, writes a question, and keeps the spoken answer.

usage: python aiortc_caller.py http://localhost:8080 "what can you do" answer.wav
"""

import asyncio
import json
import sys

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRecorder
from aiortc.mediastreams import AudioStreamTrack

KEY = "sk-local"
PATIENCE_S = 60


async def call(server: str, question: str, recording: str) -> str:
    """Ask one question; returns the words of the answer, its sound is in the recording."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    recorder = MediaRecorder(recording)
    events = peer.createDataChannel("oai-events")
    answer: list[str] = []
    finished = asyncio.Event()

    @peer.on("track")
    def on_track(track):
        recorder.addTrack(track)

    @events.on("message")
    def on_message(text):
        event = json.loads(text)
        if event["type"] == "session.created":
            content = [{"type": "input_text", "text": question}]
            item = {"type": "message", "role": "user", "content": content}
            events.send(json.dumps({"type": "conversation.item.create", "item": item}))
            events.send(json.dumps({"type": "response.create"}))
        elif event["type"] == "response.output_audio_transcript.done":
            answer.append(event["transcript"])
        elif event["type"] == "output_audio_buffer.stopped":
            finished.set()

    peer.addTrack(AudioStreamTrack())  # a microphone that is silent
    await peer.setLocalDescription(await peer.createOffer())
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        offer = {"data": peer.localDescription.sdp, "headers": {"Content-Type": "application/sdp"}}
        async with http.post(f"{server}/v1/realtime/calls", params={"model": "local"}, **offer) as response:
            response.raise_for_status()
            location = response.headers["Location"]
            await peer.setRemoteDescription(RTCSessionDescription(await response.text(), "answer"))
        try:
            await recorder.start()
            await asyncio.wait_for(finished.wait(), PATIENCE_S)
        finally:
            await http.post(f"{server}{location}/hangup")
            await recorder.stop()
            await peer.close()
    return " ".join(answer)


if __name__ == "__main__":
    print(asyncio.run(call(*sys.argv[1:4])))
