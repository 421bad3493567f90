"""Deepgram's Voice Agent as a bridge."""
