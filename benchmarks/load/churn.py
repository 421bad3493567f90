"""L3: calls made and ended one after the other, a part of them abandoned in each phase."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from benchmarks.load.callers import MediaCall, on_socket, speak
from benchmarks.load.watched import Look, Watched, watched
from benchmarks.promises import Line

CYCLES, AT_ONCE = 2000, 10
WARM_UP = 2000
"""What the server remembers of ended calls is full by then, and as many are abandoned at once as ever will be: the last of
them are given up after half a minute."""

ROOM = {"max_pending": 1000}
"""An offer that was abandoned is pending for 10 s; by default a server refuses more than 200 of them."""

SAID = range(10)
RESIDUE_KIB = 2.0


async def hung_up(server: Watched) -> None:
    """Call over WebRTC, speak, hang up."""
    with MediaCall(server) as call:
        await call.connect()
        await speak(call, SAID)
        await call.hang_up()


async def closed(server: Watched) -> None:
    """Call over a WebSocket, speak, close it."""
    async with on_socket(server) as call:
        await speak(call, SAID)


async def after_offer(server: Watched) -> None:
    """Make an offer and be gone."""
    with MediaCall(server) as call:
        await call.offer()


async def in_ice(server: Watched) -> None:
    """Be gone once the connectivity checks are out."""
    with MediaCall(server) as call:
        call.caller.answer(await call.offer())


async def in_dtls(server: Watched) -> None:
    """Be gone once the handshake has begun."""
    with MediaCall(server) as call:
        call.caller.answer(await call.offer())
        await call.reach(lambda caller: caller.checked)


async def in_speech(server: Watched) -> None:
    """Be gone in mid-sentence, over WebRTC."""
    with MediaCall(server) as call:
        await call.connect()
        await speak(call, SAID)


async def cut(server: Watched) -> None:
    """Be gone in mid-sentence, over a WebSocket."""
    async with on_socket(server) as call:
        await speak(call, SAID)
        call.cut()


KINDS: tuple[Callable[[Watched], Awaitable[None]], ...] = (
    *(hung_up, closed) * 6,
    *(after_offer, in_ice, in_dtls) * 2,
    in_speech,
    cut,
)
"""What becomes of 20 calls: 60 % are ended well, 10 % abandoned in each phase."""


@dataclass(slots=True)
class Churned:
    """The server before and after."""

    base: Look
    after: Look
    failures: list[str]

    def residue_kib(self, cycles: int) -> float:
        """Return what each cycle left of memory."""
        return (self.after.rss - self.base.rss) / 1024 / cycles


async def churned(cycles: int, warm_up: int = WARM_UP, media: Mapping[str, object] | None = None) -> Churned:
    """Go through so many cycles, after some that are not counted; ``media`` is put over that section."""
    failures: list[str] = []
    async with watched({"media": media or {}}) as server:
        await _cycle(server, warm_up, failures)
        base = await server.emptied()
        await _cycle(server, cycles, failures)
        return Churned(base, await server.emptied(base), failures)


async def _cycle(server: Watched, count: int, failures: list[str]) -> None:
    places = iter(range(count))

    async def one_after_the_other() -> None:
        for place in places:
            kind = KINDS[place % len(KINDS)]
            try:
                await kind(server)
            except Exception as problem:
                failures.append(f"{kind.__name__}: {type(problem).__name__} {problem}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_the_other())


async def l3(cycles: int | None) -> AsyncIterator[Line]:
    """2000 calls."""
    count = cycles or CYCLES
    run = await churned(count, min(WARM_UP, count), ROOM)
    residue, same = run.residue_kib(count), run.after.held == run.base.held
    said = (
        f"{len(run.failures)} failed{''.join(f', {each}' for each in run.failures[:3])}, {residue:.2f} KiB per call left; "
        f"tasks, descriptors, threads {run.after.held} where {run.base.held} were"
    )
    promised = f"< {RESIDUE_KIB:.0f} KiB per call left; tasks, descriptors, threads as before"
    kept = not run.failures and residue < RESIDUE_KIB and same
    yield Line(f"L3 {count} calls, 10 % abandoned in each phase", promised, said, kept)
