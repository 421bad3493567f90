"""The OpenAI-shaped contract: calls over WebRTC and the events on their data channel."""
