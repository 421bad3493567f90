"""Speech that a test can read back: each sentence is a tone of its own, each word of it a second one.

A word is 220 ms of sound and 80 ms of silence, a sentence ends with 120 ms more. Sentence ``n`` sounds at 400 + 50 n Hz
(n < 40) and word ``w`` of it at 2500 + 50 w Hz (w < 16), so that both pass a telephone, Opus and any resampler.
:func:`spoken` (and word by word :func:`words`) finds in a recording
which words of which sentence are heard and when: a sentence said twice, a word lost or
a hole in the sound cannot hide. :func:`number` gives a text its sentence number, the same on every provider.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SENTENCES, WORDS = 40, 16
WORD_MS, GAP_MS, PAUSE_MS = 220, 80, 120
NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_HOP_S, _WINDOW_S, _BIN_HZ = 0.01, 0.04, 25
_QUIET = 0.02
_AT_ONCE = 1000
_SKIPPED = 3
"""So many lost words are still the same sentence going on."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as it was heard: its number, the words of it, and where it lies in the recording, in ms."""

    sentence: int
    words: tuple[int, ...]
    start_ms: int
    end_ms: int


def number(text: str) -> int:
    """Return the sentence's number: ``Sentence three of …`` is 3, any other text always has the same one of 20..39."""
    words = text.lower().replace(".", "").split()
    if len(words) > 1 and words[0] == "sentence" and words[1] in NUMBERS:
        return NUMBERS.index(words[1])
    return 20 + zlib.crc32(text.strip().encode()) % 20


def speak(sentence: int, words: int | str, rate: int) -> bytes:
    """Return PCM16 mono of one sentence of so many words (or of this text), about -12 dBFS, 300 ms a word."""
    count = words if isinstance(words, int) else len(words.split())
    pause = bytes(rate * PAUSE_MS // 1000 * 2)
    return b"".join(_word(sentence % SENTENCES, index % WORDS, rate) for index in range(count)) + pause


def say(text: str, rate: int) -> bytes:
    """Return PCM16 mono of one sentence under its own number."""
    return speak(number(text), text, rate)


def spoken(pcm: bytes, rate: int) -> list[Spoken]:
    """Return the sentences heard in a recording, in order; one that begins again is a new entry."""
    found: list[Spoken] = []
    for sentence, word, start, end in words(pcm, rate):
        last = found[-1] if found else None
        if last and last.sentence == sentence and 0 < (word - last.words[-1]) % WORDS <= _SKIPPED:
            found[-1] = Spoken(sentence, (*last.words, word), last.start_ms, end)
        else:
            found.append(Spoken(sentence, (word,), start, end))
    return found


def sentences(pcm: bytes, rate: int) -> list[int]:
    """Return the numbers of the sentences heard, in order."""
    return [each.sentence for each in spoken(pcm, rate)]


def gaps(pcm: bytes, rate: int) -> list[tuple[int, int]]:
    """Return the holes between words, each ``(start_ms, length_ms)``; the first and last silence are none."""
    heard = list(words(pcm, rate))
    return [(before[3], after[2] - before[3]) for before, after in pairwise(heard)]


def words(pcm: bytes, rate: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield ``(sentence, word, start_ms, end_ms)`` of each run of equal windows that is long enough for a word."""
    heard = list(_windows(np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.float32) / 32768, rate))
    start = 0
    for end in range(1, len(heard) + 1):
        if end == len(heard) or heard[end] != heard[start]:
            if (found := heard[start]) is not None and (end - start) * _HOP_S >= 0.05:
                yield (*found, round(start * _HOP_S * 1000), round((end * _HOP_S + _WINDOW_S - _HOP_S) * 1000))
            start = end


def _word(sentence: int, word: int, rate: int) -> bytes:
    times = np.arange(rate * WORD_MS // 1000) / rate
    low, high = 2 * np.pi * (400 + 50 * sentence), 2 * np.pi * (2500 + 50 * word)
    ramp = np.minimum(1, np.minimum(times, times[::-1]) / 0.01)
    sound = (0.17 * np.sin(low * times) + 0.1 * np.sin(high * times)) * ramp * 32767
    return bytes(sound.astype("<i2").tobytes()) + bytes(rate * GAP_MS // 1000 * 2)


def _windows(sound: NDArray[np.float32], rate: int) -> Iterator[tuple[int, int] | None]:
    """Look at a thousand windows at a time: one by one they cost thrice as much."""
    size, hop, points = round(rate * _WINDOW_S), round(rate * _HOP_S), rate // _BIN_HZ
    shape = np.hanning(size).astype(np.float32)
    for start in range(0, len(sound) - size + 1, _AT_ONCE * hop):
        rows = sliding_window_view(sound[start : start + (_AT_ONCE - 1) * hop + size], size)[::hop]
        loud = np.sqrt(np.mean(rows * rows, axis=1)) >= _QUIET
        spectrum = np.abs(np.fft.rfft(rows * shape, points))
        lows, highs = _peaks(spectrum, 400, SENTENCES), _peaks(spectrum, 2500, WORDS)
        told = zip(lows.tolist(), highs.tolist(), strict=True)
        yield from (pair if heard else None for pair, heard in zip(told, loud.tolist(), strict=True))


def _peaks(spectrum: NDArray[np.floating[Any]], base_hz: int, count: int) -> NDArray[np.intp]:
    first = base_hz // _BIN_HZ
    return np.argmax(spectrum[:, first : first + 2 * count : 2], axis=1)
