"""A bridge on a real socket in a test: run it, speak to it, command it, and wait for what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from bridges import open_bridge
from mediaserver.bridge import Bridge, Opening
from mediaserver.commands import Command, CreateItem, Respond
from mediaserver.errors import BridgeError
from mediaserver.events import Alive, AudioDelta, Awaited, Event, TextDelta
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from tests.servers.provider import Simulator

WAIT_S = 20.0

Kind = TypeVar("Kind", bound=Event)


class Talk:
    """One session. ``events`` is everything told so far; ``failure`` what ended the bridge."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.events: list[Event] = []
        self.failure: BridgeError | None = None
        self.over = asyncio.Event()
        self._news = asyncio.Event()

    async def run(self, opening: Opening, ready: Callable[[], None]) -> None:
        try:
            await self.bridge.run(opening, self._told, ready)
        except BridgeError as failure:
            self.failure = failure
        finally:
            self.over.set()
            self._news.set()

    def _told(self, event: Event) -> None:
        if not isinstance(event, Alive | Awaited):  # whether the line lives, not what is said on it
            self.events.append(event)
        self._news.set()

    def send(self, command: Command) -> None:
        """Command the bridge."""
        self.bridge.send(command)

    def ask(self, text: str, response_id: str = "resp_mine", settings: Settings | None = None) -> None:
        """Put a written question and ask for the answer; it is asked for with settings that say nothing, if with none."""
        self.send(CreateItem(item=written(text)))
        self.send(Respond(response_id=response_id, settings=settings or Settings("m")))

    async def hear(self, pcm: bytes, *, hurry: float = 4.0) -> None:
        """Speak to the bridge in frames of 20 ms, so much faster than one can."""
        size = self.bridge.capabilities.input_rate // 50 * 2
        for start in range(0, len(pcm), size):
            self.bridge.hear(pcm[start : start + size].ljust(size, b"\0"))
            await asyncio.sleep(0.02 / hurry)

    async def silence(self, ms: int, *, hurry: float = 4.0) -> None:
        """Say nothing for so long."""
        await self.hear(bytes(self.bridge.capabilities.input_rate * ms // 1000 * 2), hurry=hurry)

    async def until(
        self, kind: type[Kind], count: int = 1, *, after: int = 0, where: Callable[[Any], bool] = bool
    ) -> Kind:
        """Return the ``count``-th event of a kind told since ``after`` events."""
        async with asyncio.timeout(WAIT_S):
            while True:
                found = [each for each in self.events[after:] if isinstance(each, kind) and where(each)]
                if len(found) >= count:
                    return found[count - 1]
                assert not self.over.is_set(), f"the bridge has ended ({self.failure}); told: {self.kinds()}"
                self._news.clear()
                await self._news.wait()

    async def ended(self) -> BridgeError | None:
        """Wait for the end of the bridge and return what ended it."""
        async with asyncio.timeout(WAIT_S):
            await self.over.wait()
        return self.failure

    async def failed(self) -> BridgeError:
        """Wait for the end of the bridge, which has to be a failure, and return that."""
        failure = await self.ended()
        assert failure is not None
        return failure

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return the events of a kind."""
        return [each for each in self.events if isinstance(each, kind)]

    def kinds(self) -> list[str]:
        """Return the names of all events, each run of equal ones once."""
        names = [type(each).__name__ for each in self.events]
        return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]

    def sound(self, response_id: str | None = None) -> bytes:
        """Return what was spoken (in one response)."""
        return b"".join(each.pcm for each in self.of(AudioDelta) if response_id in (None, each.response_id))

    def text(self, response_id: str) -> str:
        """Return what was written in one response."""
        return "".join(each.text for each in self.of(TextDelta) if each.response_id == response_id)


def written(text: str, role: Any = "user") -> Item:
    """Return an item that somebody wrote."""
    return Item(f"item_{abs(hash(text))}", role=role, parts=(Part("input_text", text),))


async def fails_as(talk: Talk, server: Simulator, code: str, *, retryable: bool) -> None:
    """Wait for the failure that the simulator's faults lead to; it never repeats the key and says when to come again."""
    failure = await talk.failed()
    assert (failure.code, failure.retryable) == (code, retryable)
    assert server.key not in failure.message
    if server.faults.retry_after:
        assert failure.retry_after == float(server.faults.retry_after)


@asynccontextmanager
async def opened(
    provider: str, options: Mapping[str, Any], opening: Opening, *, wait: bool = True
) -> AsyncIterator[Talk]:
    """Run a bridge of a provider, as the configuration would open it, until the block ends."""
    async with open_bridge(provider, options) as make, talking(make(provider), opening, wait=wait) as talk:
        yield talk


@asynccontextmanager
async def talking(bridge: Bridge, opening: Opening, *, wait: bool = True) -> AsyncIterator[Talk]:
    """Run a bridge until the block ends; ``wait`` for it to be ready."""
    talk, ready = Talk(bridge), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(talk.run(opening, ready.set))
        try:
            if wait:
                await _either(ready, talk.over)
                assert ready.is_set(), f"the bridge was never ready: {talk.failure}"
            yield talk
        finally:
            running.cancel()


async def _either(*events: asyncio.Event) -> None:
    async with asyncio.timeout(WAIT_S):
        while not any(each.is_set() for each in events):
            await asyncio.sleep(0.005)
