"""ElevenLabs Agents over its WebSocket: a stored agent with its own model, voice, tools and turn-taking."""
