"""Whole samples out of pieces of PCM16 that were cut anywhere: pieces of HTTP know no samples. Pure."""

from __future__ import annotations


class Samples:
    """Keeps the odd byte for the next piece."""

    def __init__(self) -> None:
        self._odd = b""

    def feed(self, data: bytes) -> bytes:
        """Return the whole samples that are here now; half a sample at the very end is nobody's."""
        data = self._odd + data
        whole = len(data) & ~1
        self._odd = data[whole:]
        return data[:whole]
