"""A recording of two hours becomes a transcript over HTTP: ``python -m benchmarks.long_recording [--seconds 7200]``.

The recording is an MP3 of 58 MB in which every word and its time is known (:mod:`benchmarks.toned_mp3`): stretches with
pauses, stretches of eight minutes without any, and silence. The official SDK sends it to a server in a process of its own.
The model behind it is the simulator of OpenAI's that listens (:mod:`tests.servers.toned_ears`): a word that was cut in two
is written twice, one that was cut off is missing.

Checked: the pieces that the provider was sent; every word once and in its place, here and where the recording was cut; and
what it cost: time, memory of server and decoder, how late the server's loop was.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import openai
from openai.types.audio import TranscriptionVerbose

from benchmarks.audio_server import serving
from benchmarks.held import Held, holding
from benchmarks.load.watched import Lag, Watched
from benchmarks.promises import Line, told
from benchmarks.quiet import Foreign
from benchmarks.toned_mp3 import Recording, Word, recording
from tests.servers.toned_ears import Heard, TonedEars, name, toned_ears

SECONDS = 7200.0
MOST_BYTES = 25 * 1024 * 1024
"""OpenAI's limit for a file."""
WITHIN_S = 0.2
LAG_P99_MS = 20.0
IDLE_S = 2.0
KNOWN = 48
"""So many words tell where in the recording a piece begins: no two places of it sound the same for so long."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    answer: TranscriptionVerbose
    pieces: Sequence[Heard]
    took_s: float
    held: Held
    idle: Lag
    """Before, when nobody asked anything of the server: what the machine does to it."""
    lag: Lag
    foreign: float


async def written(sound: Recording) -> Found:
    """Have it written down."""
    async with toned_ears() as ears, serving(_audio(ears)) as server, sdk(server) as user:
        await _sent(user, recording(1.0))  # what is loaded at the first use is loaded
        ears.heard.clear()
        still = await server.look()
        await asyncio.sleep(IDLE_S)
        before, began, others = await server.look(), time.perf_counter(), Foreign(server.process)
        async with holding(server.process.pid) as held:
            answer = await _sent(user, sound)
        took, foreign = time.perf_counter() - began, others.pct()
        idle, lag = Lag.between(still, before), Lag.between(before, await server.look())
        return Found(answer, ears.heard, took, held, idle, lag, foreign)


def _audio(ears: TonedEars) -> dict[str, object]:
    engine = {"engine": "openai", "model": "whisper-1", "key": "k", "url": f"{ears.url}/v1", "max_bytes": MOST_BYTES}
    return {"transcription": {"far": engine}}


def sdk(server: Watched) -> openai.AsyncOpenAI:
    """Return the official client of this server."""
    return openai.AsyncOpenAI(api_key="sk-local", base_url=f"{server.url}/v1", max_retries=0)


async def _sent(user: openai.AsyncOpenAI, sound: Recording) -> TranscriptionVerbose:
    return await user.audio.transcriptions.create(
        model="far",
        file=("recording.mp3", io.BytesIO(sound.data)),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        timeout=600,
    )


# --- what is wrong with it, if anything -------------------------------------------------------------------------------


def differences(words: Sequence[Word], wanted: Sequence[Word]) -> list[str]:
    """Return the first words that are not those that were said, none where all are there once and in order."""
    if len(words) == len(wanted) and all(a.text == b.text for a, b in zip(words, wanted, strict=True)):
        return []
    place = next((at for at, (a, b) in enumerate(zip(words, wanted, strict=False)) if a.text != b.text), 0)
    there, here = (" ".join(each.text for each in said[place : place + 3]) for said in (wanted, words))
    return [f"{len(words)} words of {len(wanted)}; at {wanted[place].start:.1f} s '{there}' is written as '{here}'"]


def worst(words: Sequence[Word], wanted: Sequence[Word], places: Sequence[int]) -> float:
    """Return the most seconds by which one of these words begins or ends elsewhere than it was said; 0 for none."""
    pairs = [(words[place], wanted[place]) for place in places if place < min(len(words), len(wanted))]
    return max((max(abs(a.start - b.start), abs(a.end - b.end)) for a, b in pairs), default=0.0)


def backwards(times: Sequence[tuple[float, float]]) -> int:
    """Return how often a word or segment ends before it begins, or begins before the one in front of it."""
    return sum(end < start for start, end in times) + sum(after[0] < before[0] for before, after in pairwise(times))


def seams(pieces: Sequence[Heard], wanted: Sequence[Word]) -> list[int]:
    """Return the first and last words of all pieces, as places in what was said."""
    said = [word.text for word in wanted]
    begins = {tuple(said[at : at + KNOWN]): at for at in range(len(said))}
    return sorted(_ends(pieces, begins))


def _ends(pieces: Sequence[Heard], begins: dict[tuple[str, ...], int]) -> Iterator[int]:
    for piece in pieces:
        first = tuple(name(each[0], each[1]) for each in piece.words[:KNOWN])
        if first in begins:
            yield from (begins[first], begins[first] + len(piece.words) - 1)


def lines(sound: Recording, found: Found) -> Iterator[Line]:
    """Return what is promised and what was measured."""
    answer, pieces = found.answer, found.pieces
    words = [Word(each.word, each.start, each.end) for each in answer.words or ()]
    ends = seams(pieces, sound.words)
    size, longest = max(each.size for each in pieces), max(each.seconds for each in pieces)
    yield Line(
        "what the provider is sent",
        "no piece over 25 MB, each with known words",
        f"{len(pieces)} pieces, at most {size / 1e6:.1f} MB and {longest:.0f} s, {sum(p.seconds for p in pieces):.0f} s"
        f" of {sound.seconds:.0f} s in all; {len(ends) // 2} of them with a known beginning",
        size < MOST_BYTES and len(ends) == 2 * len(pieces),
    )
    wrong = differences(words, sound.words)
    yield Line("words", "every one once", "; ".join(wrong) or f"{len(words)}, every one once, in order", not wrong)
    every, cut = worst(words, sound.words, range(len(sound.words))), worst(words, sound.words, ends)
    exact = f"worst {1000 * every:.0f} ms, at the ends of pieces {1000 * cut:.0f} ms"
    yield Line("their times", f"within {1000 * WITHIN_S:.0f} ms", exact, not wrong and every <= WITHIN_S)
    back = backwards([(each.start, each.end) for each in words])
    back += backwards([(each.start, each.end) for each in answer.segments or ()])
    segments = len(answer.segments or ())
    yield Line("words and segments", "no time runs back", f"{back} do; {segments} segments", not back and segments > 0)
    held, late = found.held, found.lag
    yield Line(
        "what it costs",
        f"loop lag p99 < {LAG_P99_MS:.0f} ms",
        f"{found.took_s:.1f} s; server {held.server / 1e6:.0f} MB, a decoder {held.child / 1e6:.0f} MB at the most; {late}"
        f" (idle: {found.idle}); others used {found.foreign:.0f} % of a core",
        late.below(0.99) <= LAG_P99_MS,
    )


def main() -> int:
    """Measure and print; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the recording")
    sound = recording(parser.parse_args().seconds)
    print(f"{len(sound.data) / 1e6:.1f} MB, {sound.seconds:.0f} s, {len(sound.words)} words")
    return told(lines(sound, asyncio.run(written(sound))), kept=False)


if __name__ == "__main__":
    sys.exit(main())
