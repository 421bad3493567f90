"""OpenAI's GPT-Live as a bridge."""
