"""Supervises a live call that somebody else makes: listens, whispers to the model, takes over, hands back.

usage: python supervisor.py http://localhost:8080 rtc_… "offer a discount" announcement.wav      (WAV: mono, 16 bits, 24 kHz)
"""

import asyncio
import base64
import json
import sys
import wave

import aiohttp

PATIENCE_S = 60


async def supervise(url: str, call_id: str, whisper: str, announcement: str, api_key: str = "sk-local") -> dict:
    """Returns how many milliseconds were heard of the caller, and of what was said to the caller (``model``)."""
    with wave.open(announcement) as file:
        words = file.readframes(file.getnframes())
    headers = {"Authorization": f"Bearer {api_key}"}
    async with (
        asyncio.timeout(PATIENCE_S),
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/v1/realtime?call_id={call_id}", headers=headers) as line,
    ):
        heard = {"caller": 0, "model": 0}

        async def until(kind: str) -> None:
            async for message in line:
                event = json.loads(message.data)
                if event["type"] == "supervisor.audio.delta":
                    heard[event["track"]] += len(base64.b64decode(event["audio"])) // 48
                elif event["type"] == "error":
                    raise RuntimeError(event["error"]["message"])
                if event["type"] == kind:
                    return
            raise RuntimeError("the call is over")

        async def ask(kind: str, **more: object) -> None:
            await line.send_json({"type": f"supervisor.{kind}", **more})
            await until("supervisor.state")

        await until("session.created")
        await ask("listen", enabled=True)
        await ask("whisper", text=whisper, respond=True)
        await until("response.done")  # what the model made of it
        await ask("take_over")
        await line.send_json({"type": "input_audio_buffer.append", "audio": base64.b64encode(words).decode()})
        await asyncio.sleep(len(words) / 48_000)  # until it has been said
        await ask("hand_back")
        return heard


if __name__ == "__main__":
    print(asyncio.run(supervise(*sys.argv[1:5])))
