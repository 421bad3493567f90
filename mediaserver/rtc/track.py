"""aiortc tracks as a currency: a peer's sound as a MediaStreamTrack, and any MediaStreamTrack as a peer's source.

Both cost nothing until somebody asks: no queue, no task, no frame object exists before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from fractions import Fraction

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

QUEUE_FRAMES = 50
"""One second of sound waits for a slow reader; then the oldest frame gives way and is counted."""

AHEAD_S = 2.0
"""How far a source that does not keep time may run ahead of the loudspeaker."""


class PeerTrack(MediaStreamTrack):
    """What a peer says: 20 ms ``av.AudioFrame`` (s16, mono) at ``rate``, jitter-buffered and concealed."""

    kind = "audio"

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.rate = rate
        self.dropped = 0
        self._frames: deque[bytes] = deque(maxlen=QUEUE_FRAMES)
        self._more = asyncio.Event()
        self._samples = 0

    def push(self, pcm: bytes) -> None:
        """Take a frame of PCM16; a plain call that never blocks."""
        if self.readyState != "live":
            return
        if len(self._frames) == QUEUE_FRAMES:
            self.dropped += 1
            # A frame that was dropped took its time all the same: the reader sees a gap in pts, not a stretched clock.
            self._samples += len(self._frames[0]) // 2
        self._frames.append(pcm)
        self._more.set()

    async def recv(self) -> av.AudioFrame:
        """Wait for the next frame; its ``pts`` counts samples. Raises MediaStreamError when the call is over."""
        while not self._frames:
            if self.readyState != "live":
                raise MediaStreamError
            self._more.clear()
            await self._more.wait()
        return self._frame(self._frames.popleft())

    def stop(self) -> None:
        """No more sound comes; a waiting reader wakes."""
        super().stop()
        self._more.set()

    def _frame(self, pcm: bytes) -> av.AudioFrame:
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm)
        frame.sample_rate = self.rate
        frame.pts = self._samples
        frame.time_base = Fraction(1, self.rate)
        self._samples += len(pcm) // 2
        return frame


async def pump(track: MediaStreamTrack, rate: int, push: Callable[[bytes], None], played_ms: Callable[[], int]) -> None:
    """Read a track to its end and push PCM16 mono at ``rate``, never much more than two seconds ahead of the loudspeaker.

    ``played_ms`` says how much of what was pushed has been played. A track that keeps time never waits here.
    """
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    pushed_s = 0.0
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if not isinstance(frame, av.AudioFrame):
            continue
        for piece in resampler.resample(frame):
            push(bytes(piece.planes[0])[: piece.samples * 2])
            pushed_s += piece.samples / rate
        if (early := pushed_s - played_ms() / 1000 - AHEAD_S) > 0:
            await asyncio.sleep(early)
