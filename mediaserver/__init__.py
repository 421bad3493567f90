"""The voice server: one conversation, its sound, and what it owes the operator.

This package is the ground floor. It imports neither ``signaling`` (every way in) nor ``bridges`` (every way out).
"""

__version__ = "0.1.0"
