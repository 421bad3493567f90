"""Word error rate and speed of the recognisers that work on this machine, on recorded speech.

    python -m benchmarks.recogniser [DIRECTORY]     default ../shared/speech
    python -m benchmarks.recogniser --engine vosk --model MODEL
    python -m benchmarks.recogniser --engine faster_whisper --model MODEL

Reads ``transcripts.csv`` of the directory, decodes each recording in 20 ms pieces as a call would bring it, and prints the
hypotheses, the word error rate of the rows marked ``scored=yes``, the real-time factor and the time from the last sample to
the transcript. Numbers that an engine writes in digits count as errors.
"""

from __future__ import annotations

import argparse
import csv
import re
import statistics
import time
import wave
from pathlib import Path

from bridges.local.engine import Engine
from bridges.local.worker import ENGINES
from signaling.headless.scoring import word_errors

PIECE = 640
BEFORE, AFTER = bytes(9600), bytes(16000)
"""The silence of a turn around its words: 300 ms of prefix padding, 500 ms until the turn is over."""


def words(text: str) -> list[str]:
    """Return the words of a text without punctuation."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def decode(engine: Engine, pcm: bytes) -> tuple[str, float, float, int]:
    """Return the text, the seconds of decoding, the seconds after the last sample, and the count of partials."""
    began, partials = time.perf_counter(), 0
    engine.begin({})
    for at in range(0, len(pcm), PIECE):
        partials += engine.feed(pcm[at : at + PIECE]) is not None
    ended = time.perf_counter()
    text = engine.end(lambda _: True)["text"]
    now = time.perf_counter()
    return text, now - began, now - ended, partials


def main(directory: Path, engine: Engine) -> None:
    """Print a line for each recording and the totals."""
    wrong = total = 0
    times, sounds, ends = 0.0, 0.0, []
    for row in csv.DictReader((directory / "transcripts.csv").open()):
        with wave.open(str(directory / row["file"])) as file:
            pcm = BEFORE + file.readframes(file.getnframes()) + AFTER
        text, took, end, partials = decode(engine, pcm)
        said, heard = words(row["transcript"]), words(text)
        if row["scored"] == "yes":
            wrong, total = wrong + word_errors(said, heard), total + len(said)
        times, sounds, ends = times + took, sounds + len(pcm) / 32000, [*ends, end * 1000]
        counts = f"{word_errors(said, heard):2}/{len(said):2}  end {end * 1000:4.0f} ms  {partials:2} partials"
        print(f"{row['file']:20} {row['scored']:3} {counts}  {text}")
    print(f"WER {wrong}/{total} = {wrong / total:.1%}   RTF {times / sounds:.2f}   ", end="")
    print(f"end p50 {statistics.median(ends):.0f} ms, max {max(ends):.0f} ms")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("directory", nargs="?", type=Path, default=Path("../shared/speech"))
    arguments.add_argument("--engine", default="recogniser", choices=["recogniser", "vosk", "faster_whisper"])
    arguments.add_argument("--model", default="")
    chosen = arguments.parse_args()
    of_whisper = {"device": "cpu", "compute_type": "int8", "beam": 5, "threads": 1}
    main(chosen.directory, ENGINES[chosen.engine]({"model": chosen.model, **of_whisper}))
