"""The echo guard: we know what we play, so we know how loud it may come back through the caller's microphone.

A caller on a loudspeaker without echo cancellation sends us our own voice, some 100-500 ms late. The guard compares the
levels of what left with the levels of what came in. Where they move together it learns the delay and the loss of that
echo and asks a voice to be louder than it; where the microphone stays quiet while we speak (a headset, a browser's echo
cancellation) it asks for nothing, so that such a caller is heard at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mediaserver.audio.levels import SILENCE_DB
from mediaserver.clock import FRAME_MS

Levels = npt.NDArray[np.float32]


class EchoGuard:
    """Pure: one pair of levels per 20 ms frame in, the level in dBFS that a voice must exceed out."""

    TAIL_MS = 600  # the longest way to a loudspeaker, through the room and back that we look for
    NEAREST_MS = 80  # and the shortest: packets, a jitter buffer and two sound cards take as long
    UNKNOWN_LOSS_DB = 6.0  # until something is learnt: the echo is half as loud as what we play
    NO_ECHO_DB = 96.0
    MARGIN_DB = 6.0
    _LEARN_MS = 300  # of loud reply in one look before anything is concluded
    _QUIET_DB = -60.0  # levels below tell nothing of an echo
    _ALIKE = 0.7  # correlation of the two envelopes from which on one is the other's echo
    _LOOK_EVERY = 10  # frames
    _TOLERANCE_DB = 5.0  # what was played, less the loss, is what was heard when it lies so near ...
    _EXPLAINED = 0.65  # ... in so much of the sound
    _INSISTS = 10  # looks: two whole windows one after the other

    def __init__(self) -> None:
        tail = self.TAIL_MS // FRAME_MS
        self._played = np.full(4 * tail, SILENCE_DB, dtype=np.float32)
        self._heard = np.full(3 * tail, SILENCE_DB, dtype=np.float32)
        self._tail = tail
        self._nearest = self.NEAREST_MS // FRAME_MS
        self._since_sound = self._played.size
        self._frames = 0
        self._loss: float | None = None
        self._lag: int | None = None
        self._likely: int | None = None
        self._insisted = 0  # looks in a row that found a louder echo which is not all of what was heard

    @property
    def loss_db(self) -> float | None:
        """How much weaker than played the echo comes back, in dB; ``None`` before anything was learnt."""
        return self._loss

    @property
    def idle(self) -> bool:
        """Nothing that we played can still be on its way back."""
        return self._since_sound > self._tail

    def feed(self, played: float, heard: float, floor: float) -> float:
        """Take the levels (dBFS) of what leaves and of what came in during one frame, and the noise floor.

        Returns the level that a voice must exceed; ``SILENCE_DB`` when no echo is expected. Costs next to nothing while
        nothing is played.
        """
        self._since_sound = 0 if played > self._QUIET_DB else self._since_sound + 1
        if self.idle:
            if self._since_sound == self._tail + 1:
                self._forget()
            return SILENCE_DB
        self._played[:-1] = self._played[1:]
        self._heard[:-1] = self._heard[1:]
        self._played[-1], self._heard[-1] = played, heard
        self._frames += 1
        if self._frames % self._LOOK_EVERY == 0:
            self._look(floor)
        return self._expected()

    def _forget(self) -> None:
        """Empty both histories: what comes after a silence must not be laid beside what was before it."""
        self._played.fill(SILENCE_DB)
        self._heard.fill(SILENCE_DB)
        self._likely, self._insisted = None, 0

    def _expected(self) -> float:
        if self._loss is not None and self._loss >= self.NO_ECHO_DB:
            return SILENCE_DB
        loudest = float(self._window(self._played).max())
        if loudest <= self._QUIET_DB:
            return SILENCE_DB
        return loudest - (self.UNKNOWN_LOSS_DB if self._loss is None else self._loss) + self.MARGIN_DB

    def _window(self, levels: Levels) -> Levels:
        """Return the part of what was played that may be in the microphone now: near the known lag, else all of the way."""
        if self._lag is None:
            return levels[-self._tail : -self._nearest]
        end = levels.size - max(0, self._lag - 4)
        return levels[max(0, end - 9) : end]

    def _look(self, floor: float) -> None:
        """Learn from the last seconds: an echo with its delay and loss, or that there is none."""
        loud = self._played[-self._heard.size :] > self._QUIET_DB
        if int(loud.sum()) * FRAME_MS < self._LEARN_MS + (self.TAIL_MS // 2):
            return
        lag, alike = self._best_lag(floor)
        likely, self._likely = self._likely, lag if alike >= self._ALIKE else None
        if self._likely is not None:
            if likely is not None and abs(likely - lag) <= 2:  # twice the same delay is no accident
                self._learn_echo(lag, floor)
            return
        self._insisted = 0
        if self._quiet_while_loud(floor):
            self._loss, self._lag = self.NO_ECHO_DB, None

    def _best_lag(self, floor: float) -> tuple[int, float]:
        """Return the delay, in frames, at which the two envelopes are most alike, and their correlation there."""
        heard = np.maximum(self._heard, floor)
        heard = heard - heard.mean()
        played = np.maximum(self._played, self._QUIET_DB)[-(heard.size + self._tail - 1) :]
        by_lag = sliding_window_view(played, heard.size)[::-1]
        by_lag = by_lag - by_lag.mean(axis=1, keepdims=True)
        norms = np.sqrt(np.einsum("ij,ij->i", by_lag, by_lag) * np.dot(heard, heard))
        alike = (by_lag @ heard) / np.maximum(norms, heard.size)  # flat envelopes are alike to nothing
        lag = int(alike.argmax())
        return lag, float(alike[lag])

    def _shifted(self, lag: int) -> Levels:
        end = self._played.size - lag
        return self._played[end - self._heard.size : end]

    def _learn_echo(self, lag: int, floor: float) -> None:
        played = self._shifted(lag)
        clear = (played > self._QUIET_DB + 15) & (self._heard > floor + 3)
        if int(clear.sum()) < 5:
            return
        loss = float(np.percentile(played[clear] - self._heard[clear], 25))
        if not self._believed(loss, played, floor):
            return
        known = self._loss if self._loss is not None and self._loss < self.NO_ECHO_DB else loss
        # A louder echo counts in full, a weaker one slowly: a caller who turns the sound down can wait, one who is
        # interrupted by our own voice cannot.
        self._loss = loss if loss < known else known + 0.3 * (loss - known)
        self._lag = lag

    def _believed(self, loss: float, played: Levels, floor: float) -> bool:
        """Say whether a louder echo than the known one is one: two voices may keep step for a while by accident.

        An echo is all of what was played and nothing else; in a room where that cannot be seen, it insists.
        """
        self._insisted += 1
        if self._loss is None or loss >= self._loss or self._explains(loss, played, floor):
            self._insisted = 0
            return True
        return self._insisted >= self._INSISTS

    def _explains(self, loss: float, played: Levels, floor: float) -> bool:
        """Say whether what was played, with this loss, is what was heard in the whole window."""
        predicted = np.maximum(played - loss, floor)
        sounding = (predicted > floor + 3) | (self._heard > floor + 6)
        near = np.abs(self._heard - predicted)[sounding] <= self._TOLERANCE_DB
        return near.size > 0 and float(near.mean()) >= self._EXPLAINED

    def _quiet_while_loud(self, floor: float) -> bool:
        """Say whether the microphone heard only the room while our sound had time to come back."""
        heard = self._heard[-(self._LEARN_MS // FRAME_MS) :]
        return float(np.percentile(heard, 90)) < max(floor + 6.0, self._QUIET_DB + 10)
