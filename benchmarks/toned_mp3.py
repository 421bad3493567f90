"""Long recordings of toned words at known times, made in seconds: MP3 frames of known sentences, put one after the other.

64 kbit/s mono at 16 kHz: each frame has 288 bytes and 36 ms, and without a bit reservoir it stands for itself. What a frame
holds is heard 69 ms later, so each sentence ends with as much silence, and any may follow any other.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import av
import numpy as np
from numpy.typing import NDArray

from tests.servers import toned
from tests.servers.toned_ears import name

RATE, FRAME, FRAME_BYTES = 16000, 576, 288
DELAY_S = 1105 / RATE
"""Of encoder and decoder, which nothing in the file tells."""

STRIDE_MS, HURRIED_MS = 300, 292
"""From word to word; with the second there is never more than 80 ms without sound, between sentences neither."""
PAUSES = (0, 4, 10, 20, 50)
"""Frames of silence between two sentences of an unhurried speaker."""
TALK_S, HURRIED_S, SILENT_S = 900.0, 480.0, 420.0
"""One after the other, again and again: with pauses, without any, and nothing at all."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it is heard, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A file, what is said in it, and how long it is."""

    data: bytes
    words: tuple[Word, ...]
    seconds: float


def recording(seconds: float) -> Recording:
    """Return a recording of about so many seconds."""
    frames, words, at = [], list[Word](), 0
    chance = random.Random(1)
    for stride, sentence, pause in _plan(seconds, chance):
        said = _sentence(sentence, stride) if sentence >= 0 else b""
        begin = at * FRAME / RATE + DELAY_S
        for place in range(toned.WORDS if said else 0):
            start = begin + place * stride / 1000
            words.append(Word(name(sentence, place), start, start + toned.WORD_MS / 1000))
        frames.append(said + _silence() * pause)
        at += len(frames[-1]) // FRAME_BYTES
    return Recording(b"".join(frames), tuple(words), at * FRAME / RATE)


def _plan(seconds: float, chance: random.Random) -> Iterator[tuple[int, int, int]]:
    """Yield stride, sentence (-1: none) and frames of silence after it."""
    left = seconds
    while left > 0:
        for stride, lasts in ((STRIDE_MS, TALK_S), (HURRIED_MS, HURRIED_S)):
            until = left - min(lasts, left)
            while left > until:
                pause = chance.choice(PAUSES) if stride == STRIDE_MS else 0
                yield stride, chance.randrange(toned.SENTENCES), pause
                left -= toned.WORDS * stride / 1000 + pause * FRAME / RATE
        if left > 0:
            yield STRIDE_MS, -1, round(min(SILENT_S, left) * RATE / FRAME)
            left -= SILENT_S


@cache
def _sentence(sentence: int, stride_ms: int) -> bytes:
    """Return the frames of a sentence: of two that follow each other the second, whose encoder has been warm."""
    spoken = np.frombuffer(toned.speak(sentence, toned.WORDS, RATE), "<i2")
    step, size = RATE * (toned.WORD_MS + toned.GAP_MS) // 1000, RATE * toned.WORD_MS // 1000
    frames = -(-toned.WORDS * stride_ms * RATE // 1000 // FRAME)
    pcm = np.zeros(frames * FRAME, np.int16)
    for place in range(toned.WORDS):
        start = place * stride_ms * RATE // 1000
        pcm[start : start + size] = spoken[place * step : place * step + size]
    return _encoded(np.concatenate((pcm, pcm)))[frames * FRAME_BYTES : 2 * frames * FRAME_BYTES]


@cache
def _silence() -> bytes:
    return _encoded(np.zeros(8 * FRAME, np.int16))[4 * FRAME_BYTES : 5 * FRAME_BYTES]


def _encoded(pcm: NDArray[np.int16]) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as out:
        stream = out.add_stream("libmp3lame", rate=RATE, layout="mono", format="s16p")
        stream.bit_rate, stream.options = 64_000, {"reservoir": "0", "compression_level": "9"}
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16p", layout="mono")
        frame.sample_rate = RATE
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()
