"""Talks over one WebSocket of the openai package: says a WAV file, keeps the spoken answer. Only the URL is ours.

usage: python websocket_caller.py http://localhost:8080/v1 question.wav answer.wav      (WAV: mono, 16 bits, 24 kHz)
"""

import asyncio
import base64
import sys
import wave

from openai import AsyncOpenAI

RATE = 24000
PATIENCE_S = 60
SILENCE_S = 1.5  # after the question, so that its end is heard


async def call(base_url: str, question: str, answer: str, api_key: str = "sk-local", model: str = "local") -> list[str]:
    """Returns what was understood and what was answered."""
    with wave.open(question) as file:
        sound = file.readframes(file.getnframes()) + bytes(int(RATE * SILENCE_S) * 2)
    heard, understood, answered = bytearray(), "", ""
    async with (
        asyncio.timeout(PATIENCE_S),
        AsyncOpenAI(base_url=base_url, api_key=api_key) as client,
        client.realtime.connect(model=model) as line,
    ):
        for at in range(0, len(sound), RATE):  # half a second in each event
            await line.input_audio_buffer.append(audio=base64.b64encode(sound[at : at + RATE]).decode())
        async for event in line:
            if event.type == "conversation.item.input_audio_transcription.completed":
                understood = event.transcript
            elif event.type == "response.output_audio.delta":
                heard += base64.b64decode(event.delta)
            elif event.type == "input_audio_buffer.speech_started":
                heard.clear()  # an interruption: a player would empty its queue
            elif event.type == "response.output_audio_transcript.done":
                answered = event.transcript
            elif event.type == "response.done":
                break
    with wave.open(answer, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(heard)
    return [understood, answered]


if __name__ == "__main__":
    print("\n".join(asyncio.run(call(*sys.argv[1:4]))))
