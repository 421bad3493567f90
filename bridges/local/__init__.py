"""The embedded default: recogniser, responder and voice that need no key and no network."""
