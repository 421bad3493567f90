"""The official clients get from the simulator what they would get from the provider."""

from groq import AsyncGroq
from openai import AsyncOpenAI

from tests.servers.openai_speech import openai_speech
from tests.servers.speaking import sound_of, wav


async def test_openais_client_is_content() -> None:
    async with openai_speech() as server, AsyncOpenAI(api_key="k", base_url=server.url) as client:
        speech = client.audio.speech.with_streaming_response
        async with speech.create(model="gpt-4o-mini-tts", voice="nova", input="Hello", response_format="pcm") as made:
            assert await made.read() == sound_of("Hello", 24000)
        consent = await client.audio.voice_consents.create(name="Anna", language="en-US", recording=("a.wav", b"yes"))
        voice = await client.audio.voices.create(name="Anna", consent=consent.id, audio_sample=("b.wav", b"hello"))
        assert (await client.audio.voices.delete(voice.id)).deleted


async def test_groqs_client_is_content() -> None:
    async with openai_speech(kind="groq") as server, AsyncGroq(api_key="k", base_url=server.url[:-3]) as client:
        made = await client.audio.speech.create(model="m", voice="troy", input="Hello", response_format="wav")
        assert await made.read() == wav(sound_of("Hello", 24000), 24000)
