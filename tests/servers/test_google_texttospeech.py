"""The official client gets from the simulator what it would get from the provider."""

import asyncio
from urllib.parse import urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud import texttospeech_v1 as google
from google.cloud.texttospeech_v1.services.text_to_speech.transports.rest import TextToSpeechRestTransport

from tests.servers.google_texttospeech import google_texttospeech
from tests.servers.speaking import sound_of, wav


def asked(host: str) -> tuple[bytes, list[str]]:
    transport = TextToSpeechRestTransport(host=host, credentials=AnonymousCredentials(), url_scheme="http")
    with google.TextToSpeechClient(transport=transport) as client:
        made = client.synthesize_speech(
            input=google.SynthesisInput(text="Hello"),
            voice=google.VoiceSelectionParams(language_code="en-US", name="en-US-Chirp3-HD-Charon"),
            audio_config=google.AudioConfig(audio_encoding="LINEAR16", sample_rate_hertz=16000),
        )
        return made.audio_content, [voice.name for voice in client.list_voices().voices]


async def test_googles_client_is_content() -> None:
    async with google_texttospeech() as server:
        sound, voices = await asyncio.to_thread(asked, urlsplit(server.url).netloc)
    pcm = sound_of("Hello", 16000)
    assert sound == wav(pcm, 16000, len(pcm)) and "de-DE-Neural2-F" in voices
