"""Callers for the tests of the evaluation: a voice that hums, scores and takes made of a few words."""

from __future__ import annotations

import numpy as np

from signaling.evaluate.noise import RATE, Samples
from signaling.evaluate.score import Score, Span, Utterance, score
from signaling.evaluate.script import Kind, Script, Step, When, parse
from signaling.evaluate.take import Said, Seen, Take, What

MS_PER_WORD = 200


class Hum:
    """Satisfies ``Voice``: each word is 200 ms of a tone, so that every time is known by heart."""

    def sound(self, step: Step) -> tuple[Samples, str]:
        return self.spoken(step.say or "noise") * np.float32(0.1), step.say or ""

    def spoken(self, text: str, speed: float = 1.0) -> Samples:
        times = np.arange(len(text.split()) * MS_PER_WORD * RATE // 1000) / RATE
        return np.sin(2 * np.pi * 200 * times).astype(np.float32)


def script(body: str) -> Script:
    return parse(f"name: test\n{body}", "test.yaml")


def scored(body: str) -> Score:
    return score(script(body), Hum())


def said(start_ms: float, *spans: tuple[float, float, str], kind: Kind = "turn", name: str = "one") -> Said:
    length = round(max(end for _, end, _ in spans) * RATE / 1000)
    utterance = Utterance(name, kind, When(call_ms=0), np.zeros(length, np.int16), tuple(Span(*one) for one in spans))
    return Said(utterance, start_ms)


def take(
    *utterances: Said,
    reply: tuple[tuple[float, float], ...] = (),
    seen: tuple[tuple[float, What], ...] = (),
    body: str = "caller: [{say: hello}]",
    heard: tuple[tuple[float, str], ...] = (),
) -> Take:
    told = [Seen(at, what) for at, what in seen] + [Seen(at, "transcript", {"text": text}) for at, text in heard]
    return Take(script(body), list(utterances), [], list(reply), sorted(told, key=lambda one: one.at_ms))
