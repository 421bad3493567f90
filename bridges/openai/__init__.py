"""OpenAI's Realtime API, generally available form, and the machine that Azure and xAI share with it."""
