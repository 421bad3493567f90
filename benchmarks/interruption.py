"""How soon the providers of the hybrid chain stop after an interruption: from the command to the closed request, at each.

    python -m benchmarks.interruption [--runs 40]

The chain with OpenAI's shapes at simulators on loopback: an answer is being written and spoken, and a further turn is being
written down, when the caller interrupts and takes the turn back. What is counted is when each simulator sees that its
client is gone. The promise: all three within 200 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time

from benchmarks.servers import circumstances, table
from mediaserver.commands import BeginSpeech, DropSpeech, EndSpeech, Interrupt
from mediaserver.events import AudioDelta
from tests.fakes.caller import tone
from tests.scenarios.test_hybrid_chain import ANSWER, Call, asked, calling
from tests.servers.chat_completions import text

STAGES = ("speech-to-text", "language model", "text-to-speech")
PROMISED_MS = 200.0


async def once() -> list[float]:
    """Return the milliseconds until each provider has seen the end, in the order of ``STAGES``."""
    async with calling() as call:
        await all_at_work(call)
        stage = call.stage
        began = time.perf_counter()
        call.send(Interrupt(response_id="r1"), DropSpeech(item_id="i2"))
        return await asyncio.gather(
            *(seen(server.left, began) for server in (stage.stt[0], stage.llm[0], stage.tts[0]))
        )


async def all_at_work(call: Call) -> None:
    """Have all three asked, and none of them done."""
    stage = call.stage
    stage.llm[0].events, stage.llm[0].hold = text(*ANSWER)[:3], True
    stage.tts[0].hold = True
    stage.stt[0].faults.hang = True
    call.send(asked("Hello there."))
    await call.until(AudioDelta)
    call.send(BeginSpeech(item_id="i2"))
    for _ in range(20):
        call.bridge.hear(tone(20, 16000))
    call.send(EndSpeech(item_id="i2"))
    async with asyncio.timeout(10):
        while not stage.stt[0].requests:  # noqa: ASYNC110 - a simulator only keeps what it was asked
            await asyncio.sleep(0.005)


async def seen(left: asyncio.Event, began: float) -> float:
    """Return the milliseconds until a provider has noticed."""
    async with asyncio.timeout(10):
        await left.wait()
    return 1000 * (time.perf_counter() - began)


async def measured(runs: int) -> list[list[float]]:
    """Return the milliseconds of all runs, a list for each stage."""
    results = []
    for _ in range(runs):
        gc.collect()
        results.append(await once())
    return [sorted(times) for times in zip(*results, strict=True)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    stages = asyncio.run(measured(runs))
    rows = [
        [name, f"{times[runs // 2]:.1f}", f"{times[int(runs * 0.95)]:.1f}", f"{times[-1]:.1f}"]
        for name, times in zip(STAGES, stages, strict=True)
    ]
    print(circumstances(kept=False), end="\n\n")
    print(table(("the provider stops after, ms", "p50", "p95", "most"), rows))
    kept = max(times[-1] for times in stages) <= PROMISED_MS
    print(f"\nall within {PROMISED_MS:.0f} ms: {'kept' if kept else 'NOT KEPT'}")


if __name__ == "__main__":
    main()
