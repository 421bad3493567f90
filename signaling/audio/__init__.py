"""The audio API: files to text and texts to speech, in the shapes of OpenAI's ``/v1/audio``."""
