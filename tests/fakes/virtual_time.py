"""An event loop whose time is free, for calls in tests: that of ``mediaserver evaluate``."""

from signaling.evaluate.virtual import VirtualLoop, now, run

__all__ = ["VirtualLoop", "now", "run"]
