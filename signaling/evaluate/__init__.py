"""``mediaserver evaluate``: scripted callers against any model, and how well turns were taken."""

from signaling.evaluate.command import add_arguments, run

__all__ = ["add_arguments", "run"]
