"""What the audio API does over HTTP: ``python -m benchmarks.audio_api [--tries 50] [--refusals 5]``.

The server runs in a process of its own; its providers are simulated here, the voice's first byte comes 150 ms after it was
asked. Measured:

* the first byte of ``/v1/audio/speech`` of texts that nobody has asked for yet, and of the same from the cache;
* a stampede: 100 equal requests at once, and how many reached the provider;
* the cache as ``/metrics`` tells it;
* what is refused, or costs nothing (:mod:`benchmarks.unwelcome`): the answer, how long it took, and how late the server's
  loop was meanwhile, with a call over a WebSocket whose sound must have no gap.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.audio_server import serving
from benchmarks.load.callers import FRAME_S, on_socket, speak
from benchmarks.load.gaps import Gaps
from benchmarks.load.speech import ECHO
from benchmarks.load.watched import Lag, Watched
from benchmarks.promises import Line, collected, percentile, told
from benchmarks.unwelcome import LIMIT_S, PLAIN, Unwelcome, everything
from tests.servers.openai_speech import SpeechServer, openai_speech
from tests.servers.openai_speech_to_text import speech_to_text

FIRST_S = 0.15
CACHED_MS, LAG_P99_MS, ADDED_MS = 20.0, 20.0, 50.0
FORMATS = ("pcm", "mp3", "opus")
STAMPEDE = 100
IDLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: milliseconds to its first byte, where it came from, and its status."""

    first_ms: float
    cache: str
    status: int


async def heard(server: Watched, text: str, form: str) -> Heard:
    """Have a text spoken, all of it."""
    began = time.perf_counter()
    asked = PLAIN | {"input": text, "response_format": form}
    async with server.http.post(f"{server.url}/v1/audio/speech", json=asked) as answer:
        await answer.content.readany()
        first = time.perf_counter() - began
        await answer.read()
        return Heard(1000 * first, answer.headers.get("X-Cache", ""), answer.status)


async def first_bytes(server: Watched, tries: int) -> AsyncIterator[Line]:
    """Ask for texts twice."""
    for form in FORMATS:
        texts = [f"Number {number} as {form}." for number in range(tries)]
        for how, promised in (("miss", 1000 * FIRST_S + ADDED_MS), ("hit", CACHED_MS)):
            answers = [await heard(server, text, form) for text in texts]
            times = [each.first_ms for each in answers]
            right = all((each.status, each.cache) == (200, how) for each in answers)
            p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
            said = f"p50 {p50:.1f} ms, p95 {p95:.1f} ms" + ("" if right else "; NOT all of them were one")
            yield Line(f"first byte, {form}, {how}", f"p50 ≤ {promised:.0f} ms", said, right and p50 <= promised)


async def stampede(server: Watched, voice: SpeechServer) -> AsyncIterator[Line]:
    """Ask for one text a hundred times at once."""
    before = len(voice.asked)
    answers = await asyncio.gather(*(heard(server, "All at once.", "mp3") for _ in range(STAMPEDE)))
    asked, times = len(voice.asked) - before, [each.first_ms for each in answers]
    ways = [each.cache for each in answers]
    said = f"{asked} upstream, {ways.count('shared')} shared, first byte p95 {percentile(times, 0.95):.0f} ms"
    whole = all(each.status == 200 for each in answers)
    yield Line(f"{STAMPEDE} equal requests at once", "1 upstream, all answered", said, whole and asked == 1)


async def cache(server: Watched) -> AsyncIterator[Line]:
    """Tell what is in /metrics of it."""
    metrics = (await server.look()).metrics
    hits, held = (metrics[f'mediaserver_cache_{name}{{tier="memory"}}'] for name in ("hits_total", "bytes"))
    misses, shared = metrics["mediaserver_cache_misses_total"], metrics["mediaserver_cache_shared_total"]
    rate = hits / (hits + misses + shared)
    said = f"{hits:.0f} hits, {misses:.0f} misses, {shared:.0f} shared: {rate:.1%} hits; {held / 1e6:.1f} MB"
    yield Line("the cache in /metrics", "hits and bytes are told", said, hits > 0 and held > 0)


# --- what is refused --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def calling(server: Watched) -> AsyncIterator[Gaps]:
    """Have a call beside the block, in which the caller speaks and hears an echo."""
    async with on_socket(server, ECHO) as call, asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(speak(call, range(round(600 / FRAME_S))))
        try:
            await asyncio.sleep(1.0)
            yield call.gaps
        finally:
            speaking.cancel()


async def refused(server: Watched, each: Unwelcome, tries: int) -> Line:
    """Send one of them so many times, one after the other."""
    before, times, answers = await server.look(), [], set()
    for _ in range(tries):
        began = time.perf_counter()
        async with server.http.post(f"{server.url}/v1/audio/{each.path}", **each.body()) as answer:  # type: ignore[arg-type]
            body = await answer.read()
            times.append(1000 * (time.perf_counter() - began))
            code = "" if answer.status == 200 else (await answer.json())["error"]["code"]
            answers.add((answer.status, code, bool(body)))
    lag = Lag.between(before, await server.look())
    right = answers == {(each.status, each.code, True)}
    got = "" if right else f"; answered {answers}"
    said = f"p50 {percentile(times, 0.5):.0f} ms, most {max(times):.0f} ms; {lag}{got}"
    return Line(each.name, f"{each.status} {each.code}".strip(), said, right)


async def refusals(server: Watched, tries: int, them: list[Unwelcome]) -> AsyncIterator[Line]:
    """Send all of them while a call runs."""
    async with calling(server) as gaps:
        for each in them[:3] + them[-3:]:  # what is loaded at the first use is loaded
            await refused(server, each, 1)
        still = await server.look()
        await asyncio.sleep(IDLE_S)
        before, gone = await server.look(), gaps.count
        for each in them:
            yield await refused(server, each, tries)
        lag, idle = Lag.between(before, await server.look()), Lag.between(still, before)
    said = f"{lag} (without them: {idle})"
    yield Line("the loop meanwhile", f"p99 < {LAG_P99_MS:.0f} ms", said, lag.below(0.99) <= LAG_P99_MS)
    heard_gaps = gaps.count - gone
    yield Line("the call meanwhile", "0 gaps > 60 ms", f"{heard_gaps} gaps in {gaps.sound_s:.0f} s", not heard_gaps)


async def measured(tries: int, refusing: int, them: list[Unwelcome]) -> list[Line]:
    """Measure all of it."""
    async with openai_speech() as voice, speech_to_text() as ears:
        voice.delay_s = FIRST_S
        audio = {
            "transcription": {"far": {"engine": "openai", "model": "whisper-1", "key": "k", "url": f"{ears.url}/v1"}},
            "speech": {"far": {"engine": "openai", "key": "k", "url": voice.url}},
            "max_duration_s": LIMIT_S,
        }
        async with serving(audio) as server:
            await heard(server, "The first of all.", "mp3")
            lines = await collected(first_bytes(server, tries))
            lines += await collected(stampede(server, voice))
            lines += await collected(cache(server))
            return lines + await collected(refusals(server, refusing, them))


def main() -> int:
    """Measure and print; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=50, help="texts of each format")
    parser.add_argument("--refusals", type=int, default=5, help="of each kind")
    args = parser.parse_args()
    return told(asyncio.run(measured(args.tries, args.refusals, everything())), kept=False)


if __name__ == "__main__":
    sys.exit(main())
