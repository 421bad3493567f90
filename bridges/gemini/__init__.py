"""Google's Gemini Live API (BidiGenerateContent), at the Gemini API and at Vertex AI."""
