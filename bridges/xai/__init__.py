"""xAI's Grok Voice: OpenAI's protocol with habits of its own."""
