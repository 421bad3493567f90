"""A script made ready to be played: each utterance one piece of PCM, with marks that say what is in it and where. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from signaling.evaluate.noise import RATE, Samples, babble, pink, white
from signaling.evaluate.script import Kind, Noise, Script, Step, When
from signaling.evaluate.voiced import stretches

PER_MS = RATE // 1000
FIRST_MS = 500
"""When the first sound begins unless the script says otherwise: a room is heard before a voice."""
NOISE_S = 10.0
"""Noise is repeated after this long."""
VOICE_DB = -24.0
"""The level that a noise is measured against."""
BABBLE = (
    "The fish is very good today and the soup as well.",
    "We were in the mountains for a week and it rained every day.",
    "She told him to wait outside until the others had come.",
    "Nobody knows where the money went in the end.",
    "Could we have two more glasses and the bill please.",
    "My brother bought a small house near the river last year.",
)


class Voice(Protocol):
    """What a score needs to become sound."""

    def sound(self, step: Step) -> tuple[Samples, str]:
        """Return a step's samples, full scale 1, and its words."""
        ...

    def spoken(self, text: str, speed: float = 1.0) -> Samples:
        """Return a sentence."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """A voice from ``start_ms`` to ``end_ms`` of its utterance, and what it says; no words: a noise."""

    start_ms: float
    end_ms: float
    text: str

    def words(self) -> list[tuple[float, float, str]]:
        """Return start, end and text of each word; their lengths are taken to go with their letters."""
        said = self.text.split()
        total = sum(len(word) + 1 for word in said)
        times = np.cumsum([0.0, *(len(word) + 1 for word in said)]) / max(1, total) * (self.end_ms - self.start_ms)
        return [(self.start_ms + times[i], self.start_ms + times[i + 1], word) for i, word in enumerate(said)]


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said in one go, pauses within it included; PCM16 at :data:`RATE` that begins and ends with a voice."""

    name: str
    kind: Kind
    when: When
    pcm: NDArray[np.int16]
    spans: tuple[Span, ...]

    @property
    def length_ms(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / PER_MS

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(span.text for span in self.spans if span.text)

    @property
    def pauses(self) -> list[tuple[float, float]]:
        """The silences within it, those that the script asks for and those of the voice itself: from, to."""
        return [(one.end_ms, other.start_ms) for one, other in zip(self.spans, self.spans[1:], strict=False)]


@dataclass(frozen=True, slots=True)
class Score:
    """A whole call. ``noise`` is repeated under all of it, PCM16; empty: silence."""

    script: Script
    utterances: tuple[Utterance, ...]
    hang_up: When | None
    noise: NDArray[np.int16] = field(repr=False)


def score(script: Script, voices: Voice) -> Score:
    """Turn a script into sound. Raises ScriptError for what cannot be spoken or read."""
    groups: list[list[Step]] = []
    hang_up = None
    for step in script.caller:
        if step.hang_up:
            hang_up = step.when or When(after_ms=0)
        elif groups and step.when is None:
            groups[-1].append(step)
        else:
            groups.append([step])
    utterances = tuple(_utterance(number, group, voices) for number, group in enumerate(groups))
    return Score(script, utterances, hang_up, _noise(script, voices))


def _utterance(number: int, steps: Sequence[Step], voices: Voice) -> Utterance:
    pieces: list[Samples] = []
    spans: list[Span] = []
    at = 0.0
    for step in steps:
        if step.pause_ms is not None:
            piece = np.zeros(step.pause_ms * PER_MS, np.float32)
        else:
            piece, text = voices.sound(step)
            spans += _spans(piece, text, at)
        pieces.append(piece)
        at += len(piece) / PER_MS
    first = steps[0]
    kind = first.kind or ("noise" if first.sound is not None else "turn")
    when = first.when or When(call_ms=FIRST_MS)
    name = next((step.name for step in steps if step.name), f"#{number + 1}")
    return Utterance(name, kind, when, _pcm(np.concatenate(pieces)), tuple(spans))


def _spans(samples: Samples, text: str, at_ms: float) -> list[Span]:
    """Return the stretches of a voice that begins at ``at_ms``, each with the words that fall into it by their letters."""
    edges = [edge / PER_MS for stretch in stretches(samples) for edge in stretch]
    edges[0], edges[-1] = 0.0, len(samples) / PER_MS  # there is no silence around it
    parts = list(zip(edges[::2], edges[1::2], strict=True))
    ends = np.cumsum([end - start for start, end in parts])
    timed = Span(0.0, float(ends[-1]), text).words()  # as if there were no pauses
    heard: list[list[str]] = [[] for _ in parts]
    for start, end, word in timed:
        heard[min(int(np.searchsorted(ends, (start + end) / 2)), len(parts) - 1)].append(word)
    return [Span(at_ms + start, at_ms + end, " ".join(said)) for (start, end), said in zip(parts, heard, strict=True)]


def _noise(script: Script, voices: Voice) -> NDArray[np.int16]:
    if script.noise is None:
        return np.zeros(0, np.int16)
    level = 10 ** ((VOICE_DB - script.noise.snr_db) / 20)
    return _pcm(_colour(script.noise, zlib.crc32(script.name.encode()), voices) * np.float32(level))


def _colour(noise: Noise, seed: int, voices: Voice) -> Samples:
    if noise.kind == "babble":
        return babble(NOISE_S, seed, [voices.spoken(text) for text in BABBLE])
    return {"white": white, "pink": pink}[noise.kind](NOISE_S, seed)


def _pcm(samples: Samples) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)
