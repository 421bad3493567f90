"""pocketsphinx inside its worker process: sound in, hypotheses out.

Settings are measured ones (``benchmarks/recogniser.py``): no second flat pass, which costs seconds at the end of a turn;
beams narrow enough for five turns per core; sound brought to one level first, because the acoustic model expects one; every
turn begins with the same typical cepstral mean, because its first word has none yet and the last caller's is not its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from bridges.local.steady import Steady

RATE = 16000
_FRAME = RATE // 50
_LEVEL = 3000.0
"""RMS that the loud frames (90th percentile) of a turn are brought to."""
_GAINS = 0.25, 16.0
_AUDIBLE = 60.0
"""RMS of a frame that is more than the silence before the first word."""
_PAUSE = 0.03
"""Frames below this part of the loudest are pauses, and say nothing about the level either."""
_FIRST_FRAMES = 40
"""Frames gathered from the first audible one on before decoding, for a first idea of the level; it catches up quickly."""
_GLIDE = 0.02
"""How far the gain moves towards its estimate with each frame."""
_HYPOTHESIS_EVERY = 5
"""Frames between two looks at the hypothesis."""
_TYPICAL_MEAN = "49.19,1.94,-5.74,11.11,-7.00,2.43,-5.31,-3.07,-0.68,-0.43,-0.08,-0.41,0.70"
"""Cepstral mean at that level, averaged over a dozen speakers and rooms."""
_PER_SECOND = 100
"""Frames in which the decoder counts time."""
_MARKS = re.compile(r"\(\d+\)|<[^>]*>|\[[^\]]*\]|\+\+[^+]*\+\+")


class Level:
    """Brings a turn to one level with what has been heard of it so far."""

    def __init__(self) -> None:
        self._loudness: list[float] = []
        self._gain = 0.0

    def apply(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the frames of ``pcm`` with a gain that glides towards the estimate."""
        frames = pcm[: len(pcm) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float32)
        target = self._target(loudness(frames))
        self._gain = self._gain or target
        for frame in frames:
            self._gain += (target - self._gain) * _GLIDE
            frame *= self._gain
        rest = pcm[frames.size :].astype(np.float32) * self._gain
        return np.clip(np.concatenate((frames.ravel(), rest)), -32768, 32767).astype(np.int16)

    def _target(self, heard: NDArray[np.float32]) -> float:
        """The gain for the level since the first audible frame: the silence before it says nothing about the speaker."""
        audible = np.flatnonzero(heard > _AUDIBLE)
        if not self._loudness:
            heard = heard[audible[0] :] if audible.size else heard[:0]
        self._loudness.extend(heard.tolist())
        levels = np.array(self._loudness or [_LEVEL])
        spoken = levels[levels >= levels.max() * _PAUSE]
        return float(np.clip(_LEVEL / max(1.0, np.percentile(spoken, 90)), *_GAINS))


def loudness(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the RMS of each frame (a row of samples)."""
    rms: NDArray[np.float32] = np.sqrt((frames**2).mean(axis=-1))
    return rms


class Sphinx:
    """One decoder; satisfies the worker's Engine.

    Hypotheses are ``{"text", "stable"}``, the result ``{"text", "words"}``: ``[text, start, end]`` of each, in seconds,
    where a job is told ``words``.
    """

    def __init__(self) -> None:
        self._decoder = Decoder(fwdflat=False, maxhmmpf=3000, maxwpf=5, pl_window=2, samprate=RATE, loglevel="FATAL")
        self.facts: dict[str, Any] = {"rate": RATE}
        self._open = False
        self._reset()

    def _reset(self) -> None:
        self._level = Level()
        self._held = bytearray()
        self._frames = 0
        self._steady = Steady()
        self._timed = False

    def begin(self, told: Mapping[str, Any]) -> None:
        """Start a turn."""
        self.drop()
        self._timed = bool(told.get("words"))
        self._decoder.set_cmn(_TYPICAL_MEAN)
        self._decoder.start_utt()
        self._open = True

    def feed(self, data: bytes) -> dict[str, Any] | None:
        """Decode some sound; return a hypothesis when it changed."""
        self._held += data
        if self._frames or _audible(data):
            self._frames += 1
        if self._frames < _FIRST_FRAMES or self._frames % _HYPOTHESIS_EVERY:
            return None
        self._decode()
        return self._steady.look(self._heard())

    def end(self, piece: Callable[[Any], bool]) -> dict[str, Any]:
        """Return what was said."""
        self._decode()
        so_far, times = self._heard(), self._times()
        self._decoder.end_utt()
        self._open = False
        # Speech cut off without a pause may leave no path to the end of the sentence; then the last hypothesis stands.
        words, times = self._heard() or so_far, self._times() or times
        self._reset()
        return {"text": " ".join(words), "words": times}

    def drop(self) -> None:
        """Forget the turn."""
        if self._open:
            self._decoder.end_utt()
            self._open = False
        self._reset()

    def _decode(self) -> None:
        if self._held:
            pcm = self._level.apply(np.frombuffer(bytes(self._held), np.int16))
            self._held.clear()
            self._decoder.process_raw(pcm.tobytes(), False, False)

    def _heard(self) -> list[str]:
        found = self._decoder.hyp()
        return _MARKS.sub("", found.hypstr).split() if found is not None else []

    def _times(self) -> list[tuple[str, float, float]]:
        if not self._timed:
            return []
        said = ((_MARKS.sub("", each.word), each) for each in self._decoder.seg() or ())
        return [(word, at.start_frame / _PER_SECOND, (at.end_frame + 1) / _PER_SECOND) for word, at in said if word]


def _audible(data: bytes) -> bool:
    samples = np.frombuffer(data[: len(data) // 2 * 2], np.int16).astype(np.float32)
    return bool(samples.size and loudness(samples) > _AUDIBLE)
