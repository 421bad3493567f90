"""Calls over a plain WebSocket: binary messages are sound, text messages small objects. No SDK, no codec, no WebRTC.

usage: python pcm_caller.py http://localhost:8080 question.wav answer.wav      (WAV: mono, 16 bits, 8, 16, 24 or 48 kHz)
"""

import asyncio
import json
import sys
import wave

import aiohttp

PATIENCE_S = 60
SILENCE_S = 1.5  # after the question, so that its end is heard
QUIET_S = 3.0  # no sound for so long after the last word: the answer is complete


async def call(url: str, question: str, answer: str, api_key: str = "sk-local", model: str = "local") -> list[dict]:
    """Say a WAV file and keep the spoken answer in another; returns the objects that came, without the pieces."""
    with wave.open(question) as file:
        rate, sound = file.getframerate(), file.readframes(file.getnframes())
    address, headers = f"{url}/v1/realtime/pcm?model={model}&rate={rate}", {"Authorization": f"Bearer {api_key}"}
    heard, told = bytearray(), []
    async with (
        asyncio.timeout(PATIENCE_S),
        aiohttp.ClientSession() as http,
        http.ws_connect(address, headers=headers) as socket,
    ):
        while True:
            answered = bool(told) and told[-1]["type"] == "reply"
            try:
                message = await socket.receive(timeout=QUIET_S if answered else PATIENCE_S)
            except TimeoutError:
                break
            if message.type is aiohttp.WSMsgType.BINARY:
                heard += message.data
                continue
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionError("the call is over")
            event = json.loads(message.data)
            if event["type"] == "ready":
                await socket.send_bytes(sound + bytes(int(rate * SILENCE_S) * 2))
            elif event["type"] == "clear":
                heard.clear()  # a player would empty its queue
            if event.get("final", True):
                told.append(event)
    with wave.open(answer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(heard)
    return told


if __name__ == "__main__":
    for one in asyncio.run(call(*sys.argv[1:4])):
        print(one)
