"""One conversation: who is speaking, what was heard, what became of it."""
