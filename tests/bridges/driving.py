"""A provider's bridge at work in a test: what it said, what went over its wire, and a caller's sound at its pace."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from bridges.codec import Codec, Message
from bridges.realtime import Dial, RealtimeBridge
from mediaserver.bridge import Opening
from mediaserver.commands import Command, CreateItem, Respond
from mediaserver.errors import BridgeError
from mediaserver.events import AudioDelta, Event, ResponseCreated, ResponseDone, ToolCalled
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from tests.servers import toned

LONG_S = 20.0
Kind = TypeVar("Kind", bound=Event)


class Driving:
    """One bridge and its surroundings; made by :func:`driving`."""

    def __init__(self, codec: Codec, dial: Dial) -> None:
        self.codec = codec
        self.events: list[Event] = []
        self.wire: list[tuple[Message, bool]] = []
        self.ready = asyncio.Event()
        self.ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self.bridge = RealtimeBridge(codec, dial, watch=self._watch)
        self._replies = 0

    def _watch(self, message: Message, *, sent: bool) -> None:
        self.wire.append((message, sent))

    async def run(self, opening: Opening) -> None:
        """Run the bridge; how it ended is ``ended``."""
        try:
            await self.bridge.run(opening, self.events.append, self.ready.set)
        except Exception as failure:
            self.ended.set_result(failure)
        else:
            self.ended.set_result(None)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return all events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[Kind], count: int = 1) -> Kind:
        """Wait for the ``count``-th event of a kind."""
        await self.so(lambda: len(self.of(kind)) >= count, kind.__name__)
        return self.of(kind)[count - 1]

    async def either(self, kind: type[Event]) -> bool:
        """Wait for an event of a kind or for the end; say whether it was the end."""
        async with asyncio.timeout(LONG_S):
            while not self.of(kind) and not self.ended.done():
                await asyncio.sleep(0.005)
        return self.ended.done()

    async def so(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait until something is so; fail at once when the bridge has ended."""
        try:
            async with asyncio.timeout(LONG_S):
                while not condition():
                    if self.ended.done() and not condition():
                        raise AssertionError(f"ended before {what}: {self.ended.result()!r}")
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"no {what} in {[type(event).__name__ for event in self.events]}") from None

    async def failure(self) -> BridgeError:
        """Wait for the end, which has to be a failure that we know, and return that."""
        async with asyncio.timeout(LONG_S):
            failure = await asyncio.shield(self.ended)
        assert isinstance(failure, BridgeError)
        return failure

    async def speak(self, pcm: bytes | None = None, *, speed: float = 20.0, silence_s: float = 0.8) -> bytes:
        """Let the caller say something (a sentence of four words) and be silent after it; returns all that was sent."""
        rate = self.bridge.capabilities.input_rate
        sound = (toned.speak(9, 4, rate) if pcm is None else pcm) + bytes(int(rate * silence_s) * 2)
        step = rate // 50 * 2
        sound += bytes(-len(sound) % step)
        for start in range(0, len(sound), step):
            self.bridge.hear(sound[start : start + step])
            await asyncio.sleep(0.02 / speed)
        return sound

    def send(self, *commands: Command) -> None:
        """Send commands."""
        for command in commands:
            self.bridge.send(command)

    def ask(self, text: str, **respond: Any) -> str:
        """Put a written question and ask for the answer; returns the response's name."""
        self._replies += 1
        name = respond.pop("response_id", f"resp_ours{self._replies}")
        item = Item(f"item_u{self._replies}", role="user", parts=(Part("input_text", text),))
        settings = respond.pop("settings", Settings("m"))
        self.send(CreateItem(item=item), Respond(response_id=name, settings=settings, items=(item,), **respond))
        return name

    def give(self, call: ToolCalled, output: str, **respond: Any) -> None:
        """Give a function's output and ask for the answer that uses it."""
        item = Item("item_o", kind="function_call_output", call_id=call.call_id, output=output)
        self.send(CreateItem(item=item), Respond(**respond))

    def sound(self, response_id: str) -> list[int]:
        """Return the sentences heard in a response."""
        pcm = b"".join(event.pcm for event in self.of(AudioDelta) if event.response_id == response_id)
        return toned.sentences(pcm, self.bridge.capabilities.output_rate)

    def check_order(self) -> None:
        """Check that every response begins once and ends once, and that nothing is told of it outside that."""
        open_, done = set(), set()
        for event in self.events:
            name = getattr(event, "response_id", None)
            if isinstance(event, ResponseCreated):
                assert name not in open_ | done
                open_.add(name)
            elif isinstance(event, ResponseDone):
                assert name in open_
                open_.discard(name)
                done.add(name)
            elif name is not None and type(event).__name__ not in ("ResponseRefused",):
                assert name in open_, event


@asynccontextmanager
async def driving(
    codec: Codec, dial: Callable[[httpx.AsyncClient], Dial], opening: Opening | None = None, *, ready: bool = True
) -> AsyncIterator[Driving]:
    """Run a bridge; inside it is ready (unless that is not waited for)."""
    async with httpx.AsyncClient() as http, asyncio.TaskGroup() as tasks:
        driven = Driving(codec, dial(http))
        task = tasks.create_task(driven.run(opening or Opening(Settings("m"))))
        if ready:
            await driven.so(driven.ready.is_set, "ready")
        yield driven
        task.cancel()


SHORT_AUDIO = 96


def record(driven: Driving, path: Path, *secrets: str) -> None:
    """Write what went over the wire, one message a line, sound shortened and ``secrets`` gone."""
    lines = []
    for message, sent in driven.wire:
        row: dict[str, str] = {"from": "client" if sent else "server"}
        if isinstance(message, bytes):
            row["binary"] = base64.b64encode(message[:SHORT_AUDIO]).decode()
        else:
            row["text"] = _short(message)
        if lines and _append(row) and _append(lines[-1]):
            continue
        lines.append(row)
    text = "".join(json.dumps(row) + "\n" for row in lines)
    for secret in secrets:
        text = text.replace(secret, "removed")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _append(row: dict[str, str]) -> bool:
    return '"input_audio_buffer.append"' in row.get("text", "")


def _short(message: str) -> str:
    told = json.loads(message)
    for name in ("audio", "delta"):
        if isinstance(told.get(name), str) and len(told[name]) > SHORT_AUDIO:
            told[name] = told[name][:SHORT_AUDIO]
    return json.dumps(told)
