"""Ultravox Realtime: a call made over HTTP, then raw PCM and JSON over its server WebSocket medium."""
