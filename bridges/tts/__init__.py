"""Engines that speak, by name."""

from __future__ import annotations

from bridges import options
from bridges.row import Lazily, Row
from bridges.tts import rest_options, streaming_options
from mediaserver.speech import TextToSpeech

TTS: dict[str, Row[TextToSpeech]] = {
    "local": Row(options.LocalVoice, Lazily("local.voice", "open_voice")),
    "elevenlabs": Row(streaming_options.ElevenLabsSpeech, Lazily("tts.elevenlabs", "open_elevenlabs")),
    "deepgram": Row(streaming_options.DeepgramSpeech, Lazily("tts.deepgram", "open_deepgram")),
    "openai": Row(rest_options.OpenAIVoice, Lazily("tts.openai", "open_openai")),
    "azure": Row(rest_options.AzureVoice, Lazily("tts.openai_compatible", "open_azure")),
    "groq": Row(rest_options.GroqVoice, Lazily("tts.openai_compatible", "open_groq")),
    "google": Row(rest_options.GoogleVoice, Lazily("tts.google", "open_google")),
    "azure_speech": Row(rest_options.AzureSpeechVoice, Lazily("tts.azure_speech", "open_azure_speech")),
    "openai_compatible": Row(rest_options.CompatibleVoice, Lazily("tts.openai_compatible", "open_compatible")),
}
