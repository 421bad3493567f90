"""Publishes a sound file over WHIP and reads along on a second connection: what was said, and what the model says to it.

usage: python whip_publish.py http://localhost:8080 question.wav
"""

import asyncio
import json
import sys

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

KEY = "sk-local"
PATIENCE_S = 60


async def publish(server: str, file: str) -> tuple[str, str]:
    """Returns the transcript of the first thing said, and the words of the answer to it."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    player = MediaPlayer(file)
    peer.addTransceiver(player.audio, direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        offer = {"data": peer.localDescription.sdp, "headers": {"Content-Type": "application/sdp"}}
        async with http.post(f"{server}/whip", params={"model": "local"}, **offer) as response:
            response.raise_for_status()
            place = response.headers["Location"]
            answer = RTCSessionDescription(await response.text(), "answer")
        call_id = place.rsplit("/", 1)[1]
        try:
            async with http.ws_connect(f"{server}/v1/realtime", params={"call_id": call_id}) as events:
                await peer.setRemoteDescription(answer)
                return await asyncio.wait_for(read(events), PATIENCE_S)
        finally:
            await http.delete(f"{server}{place}")
            await peer.close()


async def read(events: aiohttp.ClientWebSocketResponse) -> tuple[str, str]:
    """Reads the call's events until the first answer is written."""
    said = ""
    async for message in events:
        event = json.loads(message.data)
        if event["type"] == "conversation.item.input_audio_transcription.completed":
            said = event["transcript"]
        elif event["type"] == "response.output_audio_transcript.done":
            return said, event["transcript"]
    raise RuntimeError("the call ended before it was answered")


if __name__ == "__main__":
    print(*asyncio.run(publish(*sys.argv[1:3])), sep="\n")
