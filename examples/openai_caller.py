"""Makes a call with the openai package; the sound goes through aiortc. Only the URL differs from a call to OpenAI.

usage: python openai_caller.py http://localhost:8080/v1 "what time is it"
"""

import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from openai import AsyncOpenAI

PATIENCE_S = 60


async def call(base_url: str, question: str, api_key: str = "sk-local") -> str:
    """Ask one question in writing; returns the words of the spoken answer."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    events = peer.createDataChannel("oai-events")
    said: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @events.on("message")
    def on_message(text):
        event = json.loads(text)
        if event["type"] == "session.created":
            content = [{"type": "input_text", "text": question}]
            item = {"type": "message", "role": "user", "content": content}
            events.send(json.dumps({"type": "conversation.item.create", "item": item}))
            events.send(json.dumps({"type": "response.create"}))
        elif event["type"] == "response.output_audio_transcript.done" and not said.done():
            said.set_result(event["transcript"])

    peer.addTrack(AudioStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    async with AsyncOpenAI(base_url=base_url, api_key=api_key) as client:
        session = {"type": "realtime", "model": "local"}
        answer = await client.realtime.calls.create(sdp=peer.localDescription.sdp, session=session)
        call_id = answer.response.headers["Location"].rpartition("/")[2]
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        try:
            return await asyncio.wait_for(said, PATIENCE_S)
        finally:
            await client.realtime.calls.hangup(call_id)
            await peer.close()


if __name__ == "__main__":
    print(asyncio.run(call(*sys.argv[1:3])))
