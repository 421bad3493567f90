"""The chain that hears, thinks and speaks: speech-to-text, a language model, text-to-speech, as one bridge."""
