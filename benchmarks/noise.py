"""What noise suppression does for speech and for the embedded recogniser, and what it costs.

    python -m benchmarks.noise [DIRECTORY]     default ../shared/speech; needs pip install 'mediaserver[denoise,local]'

For each kind and level of noise: how far speech stands above it before and after (level of the loudest third of the frames
over that of the second of noise in front, dB), the words that the recogniser gets wrong of those marked ``scored=yes``, and
the processor time of a frame of 20 ms.
"""

from __future__ import annotations

import csv
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.recogniser import AFTER, decode, words
from bridges.local.sphinx import Sphinx
from mediaserver.audio.denoise import find_denoiser
from signaling.evaluate.noise import RATE, Samples, pink, white
from signaling.headless.scoring import word_errors

FRAME = RATE // 50
LEAD_S = 1.5
NOISES: dict[str, Callable[[float, int], Samples]] = {"white": white, "pink": pink}


def recordings(directory: Path) -> list[tuple[str, np.ndarray]]:
    """Return text and sound of the recordings that are scored, with silence around."""
    found = []
    for row in csv.DictReader((directory / "transcripts.csv").open()):
        if row["scored"] == "yes":
            with wave.open(str(directory / row["file"])) as file:
                pcm = np.frombuffer(file.readframes(file.getnframes()) + AFTER, "<i2")
            found.append((row["transcript"], np.concatenate((np.zeros(int(LEAD_S * RATE), "<i2"), pcm))))
    return found


def mixed(speech: np.ndarray, noise: Samples, snr_db: float) -> bytes:
    """Return speech with noise under it, ``snr_db`` below the level of its loudest third."""
    level = loud(speech) / 10 ** (snr_db / 20)
    return np.clip(speech + noise[: len(speech)] * level, -32768, 32767).astype("<i2").tobytes()


def loud(pcm: np.ndarray) -> float:
    """Return the RMS of the loudest third of the frames."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    power = np.sort((frames**2).mean(axis=1))
    return float(np.sqrt(power[-len(power) // 3 :].mean()))


def stands_out_db(pcm: bytes) -> float:
    """Return how far speech stands above the noise in front of it."""
    sound = np.frombuffer(pcm, "<i2")
    before = sound[int(0.5 * RATE) : int((LEAD_S - 0.1) * RATE)].astype(float)
    return float(20 * np.log10(loud(sound) / max(1.0, before.std())))


def main(directory: Path) -> None:
    """Measure and print."""
    engine, make = Sphinx(), find_denoiser()
    speech = recordings(directory)
    print(f"{'noise':8} {'dB':>5}   {'speech above it, dB':>20}   {'words wrong':>16}   us a frame")
    for name, snr_db in (("none", None), *((name, snr) for name in NOISES for snr in (20, 10, 5))):
        wrong, heights, total, spent, frames = [0, 0], np.zeros(2), 0, 0.0, 0
        for number, (text, pcm) in enumerate(speech):
            noisy = pcm.tobytes() if snr_db is None else mixed(pcm, NOISES[name](len(pcm) / RATE, number), snr_db)
            denoiser, pieces = make(RATE), range(0, len(noisy), 2 * FRAME)
            began = time.process_time()
            quieter = b"".join(denoiser.feed(noisy[at : at + 2 * FRAME]) for at in pieces)
            spent, frames = spent + time.process_time() - began, frames + len(pieces)
            total += len(words(text))
            for which, sound in enumerate((noisy, quieter)):
                wrong[which] += word_errors(words(text), words(decode(engine, sound)[0]))
                heights[which] += stands_out_db(sound) / len(speech)
        shown = "" if snr_db is None else f"{snr_db}"
        above = "" if snr_db is None else f"{heights[0]:.1f} -> {heights[1]:.1f}"
        counts = f"{wrong[0]} -> {wrong[1]} of {total}"
        print(f"{name:8} {shown:>5}   {above:>20}   {counts:>16}   {1e6 * spent / frames:10.0f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/speech"))
