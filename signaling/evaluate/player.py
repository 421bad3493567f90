"""The caller's microphone: plays a score frame by frame and decides when the next utterance begins. Pure.

The clock is the sound itself. What began is known to the millisecond because it begins with a frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediaserver.clock import FRAME_MS
from signaling.evaluate.score import PER_MS, Score, Utterance
from signaling.evaluate.script import When
from signaling.evaluate.take import Said

FRAME = FRAME_MS * PER_MS
"""Samples of one frame."""
SETTLE_MS = 3000.0
"""The call is over when the last reply has been silent for this long: a held reply would have gone on by then."""
LONGEST_MS = 180_000.0
"""No call is longer."""


class Player:
    """Tell it of the reply with :meth:`reply`; ``said`` is what was played, ``unsaid`` what had no chance to be."""

    def __init__(self, score: Score) -> None:
        self.at_ms = 0.0
        self.over = False
        self.said: list[Said] = []
        self.unsaid: list[str] = []
        self._score = score
        self._waiting = list(score.utterances)
        self._now: Utterance | None = None
        self._place = 0
        self._noise = 0
        self._ended_ms = 0.0
        self._audible_ms: float | None = None
        self._reply_ms: float | None = None
        self._silent_ms = 0.0
        self._go_on()

    def pull(self) -> NDArray[np.int16]:
        """Return the next frame, PCM16 mono."""
        frame = self._noise_frame()
        if self._now is not None:
            piece = self._now.pcm[self._place : self._place + FRAME].astype(np.int32)
            frame[: len(piece)] += piece
            self._place += FRAME
        self.at_ms += FRAME_MS
        self._go_on()
        return np.clip(frame, -32768, 32767).astype(np.int16)

    def reply(self, audible: bool, at_ms: float) -> None:
        """The reply became audible, or was so until ``at_ms``."""
        if not audible:
            self._audible_ms, self._silent_ms = None, at_ms
            return
        self._audible_ms = at_ms
        if self._reply_ms is None and self._now is None and self.said:
            self._reply_ms = at_ms

    def words(self, since_ms: float, until_ms: float) -> str:
        """Return what was said between these moments."""
        return " ".join(word for said in self.said for word in said.words(since_ms, until_ms))

    def _noise_frame(self) -> NDArray[np.int32]:
        noise = self._score.noise
        if not len(noise):
            return np.zeros(FRAME, np.int32)
        places = np.arange(self._noise, self._noise + FRAME) % len(noise)
        self._noise += FRAME
        return noise[places].astype(np.int32)

    def _go_on(self) -> None:
        if self._now is not None and self._place >= len(self._now.pcm):
            self._ended()
        if self._now is None and self._waiting:
            self._begin_or_wait()
        elif self._now is None:
            self.over = self._finished()
        self.over = self.over or self.at_ms >= LONGEST_MS

    def _ended(self) -> None:
        said, self._now = self.said[-1], None
        self._ended_ms = said.end_ms
        if said.utterance.kind not in ("turn", "barge_in"):
            return
        # What began to sound within this turn is the answer to its beginning; what sounded before it is not.
        began = self._audible_ms is not None and self._audible_ms > said.start_ms
        self._reply_ms = self._audible_ms if began else None

    def _begin_or_wait(self) -> None:
        utterance = self._waiting[0]
        if self._due(utterance.when):
            self._waiting.pop(0)
            self._now, self._place = utterance, 0
            self.said.append(Said(utterance, self.at_ms))
        elif self._in_vain(utterance.when):
            self.unsaid.append(self._waiting.pop(0).name)

    def _due(self, when: When) -> bool:
        if when.call_ms is not None:
            return self.at_ms >= when.call_ms
        if when.after_ms is not None:
            return self.at_ms >= self._ended_ms + when.after_ms
        if when.reply_ms is not None:
            return self._reply_ms is not None and self.at_ms >= self._reply_ms + when.reply_ms
        return self._silent_for(when.silence_ms or 0)

    def _silent_for(self, ms: float) -> bool:
        return self._reply_ms is not None and self._audible_ms is None and self.at_ms >= self._silent_ms + ms

    def _in_vain(self, when: When) -> bool:
        waits = when.reply_ms is not None or when.silence_ms is not None
        return waits and self._reply_ms is None and self._unanswered

    @property
    def _unanswered(self) -> bool:
        return self.at_ms >= self._ended_ms + self._score.script.listen_ms

    def _finished(self) -> bool:
        hang_up = self._score.hang_up
        if hang_up is not None:
            return self._due(hang_up) or self._in_vain(hang_up)
        settled = self._silent_for(SETTLE_MS) and self.at_ms >= self._ended_ms + SETTLE_MS
        return settled or (self._reply_ms is None and self._audible_ms is None and self._unanswered)
