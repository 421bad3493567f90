"""Engines that write down speech, by name: live for the chain, and files for the audio API."""

from __future__ import annotations

from bridges.options import LocalRecogniser
from bridges.row import Lazily, Row
from bridges.stt.local_options import FasterWhisper, Vosk
from bridges.stt.options import Azure, Compatible, Google, Groq, OpenAI
from bridges.stt.streaming_options import Deepgram, Scribe
from mediaserver.speech import Transcriber

_openai_shape = Lazily("stt.openai_compatible", "open_transcriber")

STT: dict[str, Row[Transcriber]] = {
    "local": Row(LocalRecogniser, Lazily("local.recogniser", "open_recogniser")),
    "vosk": Row(Vosk, Lazily("local.recogniser", "open_vosk")),
    "faster_whisper": Row(FasterWhisper, Lazily("local.faster_whisper", "open_faster_whisper")),
    "openai": Row(OpenAI, _openai_shape),
    "azure": Row(Azure, _openai_shape),
    "groq": Row(Groq, _openai_shape),
    "openai_compatible": Row(Compatible, _openai_shape),
    "google": Row(Google, Lazily("stt.google", "open_google")),
    "deepgram": Row(Deepgram, Lazily("stt.deepgram", "open_deepgram")),
    "elevenlabs": Row(Scribe, Lazily("stt.elevenlabs", "open_scribe")),
}
