"""Long silence in larger pieces: what nobody said need not cost a message each 20 ms. Pure."""

from __future__ import annotations

from mediaserver.audio.levels import is_silent
from mediaserver.clock import FRAME_MS

AFTER_MS = 1000
"""By then whoever waits for the end of a turn has heard it; who waits longer is told 80 ms late at most."""

PIECE_MS = 100


class Lull:
    """Passes frames on, but gathers those of digital silence once there was nothing else for ``AFTER_MS``.

    Nothing is lost and the order stays: a sound brings what was gathered before it with it. Digital silence is what the
    server puts in the place of a caller who sends nothing (DTX, a muted microphone).
    """

    def __init__(self) -> None:
        self._silent_ms = 0
        self._gathered: list[bytes] = []

    def feed(self, pcm: bytes) -> bytes:
        """Take a frame of 20 ms and return what is due: nothing, the frame, or it with those before it."""
        if not is_silent(pcm):
            self._silent_ms = 0
            return self.take() + pcm if self._gathered else pcm
        self._silent_ms += FRAME_MS
        if self._silent_ms <= AFTER_MS:
            return pcm
        self._gathered.append(pcm)
        return self.take() if len(self._gathered) * FRAME_MS >= PIECE_MS else b""

    def take(self) -> bytes:
        """Return what was gathered, before anything else is said."""
        gathered, self._gathered = self._gathered, []
        return b"".join(gathered)
