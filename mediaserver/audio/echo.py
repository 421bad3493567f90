"""The echo guard: we know what we play, so we know how loud it may come back through the caller's microphone.

A caller on a loudspeaker without echo cancellation sends us our own voice, some 100-500 ms late. The guard compares the
levels of what left with the levels of what came in. Where they move together it learns the delay and the loss of that
echo and asks a voice to be louder than it; where the microphone stays quiet while we speak (a headset, a browser's echo
cancellation) it asks for nothing, so that such a caller is heard at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
        # Plain lists, for they grow by one each frame; a look, each tenth, makes arrays of them.
        self._played = [SILENCE_DB] * (4 * tail)
        self._heard = [SILENCE_DB] * (3 * tail)
        self._tail = tail
        self._nearest = self.NEAREST_MS // FRAME_MS
        self._since_sound = len(self._played)
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
        del self._played[0], self._heard[0]
        self._played.append(played)
        self._heard.append(heard)
        self._frames += 1
        if self._frames % self._LOOK_EVERY == 0:
            self._look(floor)
        return self._expected()

    def _forget(self) -> None:
        """Empty both histories: what comes after a silence must not be laid beside what was before it."""
        self._played = [SILENCE_DB] * len(self._played)
        self._heard = [SILENCE_DB] * len(self._heard)
        self._likely, self._insisted = None, 0

    def _expected(self) -> float:
        if self._loss is not None and self._loss >= self.NO_ECHO_DB:
            return SILENCE_DB
        loudest = max(self._window(self._played))
        if loudest <= self._QUIET_DB:
            return SILENCE_DB
        return loudest - (self.UNKNOWN_LOSS_DB if self._loss is None else self._loss) + self.MARGIN_DB

    def _window(self, levels: list[float]) -> list[float]:
        """Return the part of what was played that may be in the microphone now: near the known lag, else all of the way."""
        if self._lag is None:
            return levels[-self._tail : -self._nearest]
        end = len(levels) - max(0, self._lag - 4)
        return levels[max(0, end - 9) : end]

    def _look(self, floor: float) -> None:
        """Learn from the last seconds: an echo with its delay and loss, or that there is none."""
        loud = sum(level > self._QUIET_DB for level in self._played[-len(self._heard) :])
        if loud * FRAME_MS < self._LEARN_MS + (self.TAIL_MS // 2):
            return
        played, heard = np.array(self._played, np.float32), np.array(self._heard, np.float32)
        lag, alike = self._best_lag(played, heard, floor)
        likely, self._likely = self._likely, lag if alike >= self._ALIKE else None
        if self._likely is not None:
            if likely is not None and abs(likely - lag) <= 2:  # twice the same delay is no accident
                end = played.size - lag
                self._learn_echo(played[end - heard.size : end], heard, lag, floor)
            return
        self._insisted = 0
        if self._quiet_while_loud(floor):
            self._loss, self._lag = self.NO_ECHO_DB, None

    def _best_lag(self, played: Levels, heard: Levels, floor: float) -> tuple[int, float]:
        """Return the delay, in frames, at which the two envelopes are most alike, and their correlation there."""
        heard = np.maximum(heard, floor)
        heard -= heard.mean()
        played = np.maximum(played, self._QUIET_DB)[-(heard.size + self._tail - 1) :]
        step = played.strides[0]
        # Row after row one frame earlier; made by hand, for sliding_window_view costs more than all the rest.
        newest = (self._tail - 1) * step
        by_lag: Levels = np.ndarray((self._tail, heard.size), np.float32, played, newest, (-step, step))
        by_lag = by_lag - by_lag.mean(axis=1, keepdims=True)
        norms = np.sqrt(np.einsum("ij,ij->i", by_lag, by_lag) * np.dot(heard, heard))
        alike = (by_lag @ heard) / np.maximum(norms, heard.size)  # flat envelopes are alike to nothing
        lag = int(alike.argmax())
        return lag, float(alike[lag])

    def _learn_echo(self, played: Levels, heard: Levels, lag: int, floor: float) -> None:
        """Take in what was ``heard`` of what was ``played`` ``lag`` frames before."""
        clear = (played > self._QUIET_DB + 15) & (heard > floor + 3)
        if int(clear.sum()) < 5:
            return
        loss = float(np.percentile(played[clear] - heard[clear], 25))
        if not self._believed(loss, played, heard, floor):
            return
        known = self._loss if self._loss is not None and self._loss < self.NO_ECHO_DB else loss
        # A louder echo counts in full, a weaker one slowly: a caller who turns the sound down can wait, one who is
        # interrupted by our own voice cannot.
        self._loss = loss if loss < known else known + 0.3 * (loss - known)
        self._lag = lag

    def _believed(self, loss: float, played: Levels, heard: Levels, floor: float) -> bool:
        """Say whether a louder echo than the known one is one: two voices may keep step for a while by accident.

        An echo is all of what was played and nothing else; in a room where that cannot be seen, it insists.
        """
        self._insisted += 1
        if self._loss is None or loss >= self._loss or self._explains(loss, played, heard, floor):
            self._insisted = 0
            return True
        return self._insisted >= self._INSISTS

    def _explains(self, loss: float, played: Levels, heard: Levels, floor: float) -> bool:
        """Say whether what was played, with this loss, is what was heard in the whole window."""
        predicted = np.maximum(played - loss, floor)
        sounding = (predicted > floor + 3) | (heard > floor + 6)
        near = np.abs(heard - predicted)[sounding] <= self._TOLERANCE_DB
        return near.size > 0 and float(near.mean()) >= self._EXPLAINED

    def _quiet_while_loud(self, floor: float) -> bool:
        """Say whether the microphone heard only the room while our sound had time to come back."""
        heard = sorted(self._heard[-(self._LEARN_MS // FRAME_MS) :])
        return heard[len(heard) * 9 // 10] < max(floor + 6.0, self._QUIET_DB + 10)
