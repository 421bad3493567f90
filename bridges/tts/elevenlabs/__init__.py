"""ElevenLabs' text to speech: contexts on warm sockets, or a streamed answer for each text."""

from bridges.tts.elevenlabs.engine import open_elevenlabs

__all__ = ["open_elevenlabs"]
