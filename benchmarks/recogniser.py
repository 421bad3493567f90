"""Word error rate and speed of the embedded recogniser on recorded speech.

    python -m benchmarks.recogniser [DIRECTORY]     default ../shared/speech

Reads ``transcripts.csv`` of the directory, decodes each recording in 20 ms pieces as a call would bring it, and prints the
hypotheses, the word error rate of the rows marked ``scored=yes``, the real-time factor and the time from the last sample to
the transcript.
"""

from __future__ import annotations

import csv
import re
import statistics
import sys
import time
import wave
from pathlib import Path

from bridges.local.sphinx import Sphinx
from signaling.headless.scoring import word_errors

PIECE = 640
BEFORE, AFTER = bytes(9600), bytes(16000)
"""The silence of a turn around its words: 300 ms of prefix padding, 500 ms until the turn is over."""


def words(text: str) -> list[str]:
    """Return the words of a text without punctuation."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def decode(engine: Sphinx, pcm: bytes) -> tuple[str, float, float, int]:
    """Return the text, the seconds of decoding, the seconds after the last sample, and the count of partials."""
    began, partials = time.perf_counter(), 0
    engine.begin({})
    for at in range(0, len(pcm), PIECE):
        partials += engine.feed(pcm[at : at + PIECE]) is not None
    ended = time.perf_counter()
    text = engine.end(lambda _: True)["text"]
    now = time.perf_counter()
    return text, now - began, now - ended, partials


def main(directory: Path) -> None:
    """Print a line for each recording and the totals."""
    engine = Sphinx()
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
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/speech"))
