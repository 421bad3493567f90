"""Deepgram's text to speech: Aura and Flux, over warm sockets or a streamed answer for each text."""

from bridges.tts.deepgram.engine import open_deepgram

__all__ = ["open_deepgram"]
