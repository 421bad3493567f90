"""Engines in a line: when one fails or is slow, the next goes on, in the middle of a turn too."""
