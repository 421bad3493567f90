import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bridges.codec import Garbled, Message
from bridges.link import Target
from bridges.realtime import Patience, RealtimeBridge
from mediaserver.bridge import Capabilities, Opening, SoundCodec
from mediaserver.commands import ClearInput, Command, CommitInput, Interrupt
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import Event, ReplyCut, TextDelta, UsageReported
from mediaserver.items import Usage
from mediaserver.settings import Settings
from tests.servers.raw_websocket import BINARY, TEXT, Peer, close, frame, raw_server

LONG_S = 20.0
OPENING = Opening(Settings("m"))
REST = UsageReported(Usage(seconds=1.0), key="rest")


class Dialect:
    """The smallest dialect: ``ok`` makes it ready, ``?`` wants a pong, ``!`` is garbled, ``x`` fatal, ``bug`` a defect."""

    quiet_s: float | None = None
    idle_s: float | None = None
    capabilities = Capabilities(turns="provider", remembers=True)

    def __init__(self) -> None:
        self.ready = False
        self.calls: Counter[str] = Counter()
        self._replies: list[Message] = []

    def open(self, opening: Opening) -> Sequence[Message]:
        return [f"open {opening.settings.model}"]

    def hear(self, pcm: bytes) -> Sequence[Message]:
        return [pcm]

    def encode(self, command: Command) -> Sequence[Message]:
        if isinstance(command, ClearInput):
            raise Unsupported("no clear")
        return [type(command).__name__]

    def receive(self, message: Message) -> Sequence[Event]:
        self.calls["receive"] += 1
        if message == "ok":
            self.ready = True
        elif message == "?":
            self._replies.append("pong")
        elif message == "!":
            raise Garbled("nonsense")
        elif message == "x":
            raise BridgeError("over", code="session_expired")
        elif message == "bug":
            raise ZeroDivisionError
        return [TextDelta("r", "i", str(message))]

    def replies(self) -> Sequence[Message]:
        replies, self._replies = self._replies, []
        return replies

    def quiet(self) -> Sequence[Event]:
        self.calls["quiet"] += 1
        return [ReplyCut()]

    def idle(self) -> Sequence[Message]:
        self.calls["idle"] += 1
        return ["alive"]

    def settle(self) -> Sequence[Event]:
        return [REST]

    def closed(self, code: int, reason: str) -> BridgeError | None:
        return None if code == 1000 else BridgeError(f"closed with {code}", code="connection_lost")

    def goodbye(self) -> Sequence[Message]:
        return ["bye"]


class Running:
    """A bridge at work, and what it said."""

    def __init__(self, codec: Dialect, url: str, **patience: float) -> None:
        self.codec = codec
        self.events: list[Event] = []
        self.watched: list[tuple[Message, bool]] = []
        self.ready = asyncio.Event()

        async def dial(opening: Opening) -> Target:
            return Target(url)

        self.bridge = RealtimeBridge(codec, dial, patience=Patience(**patience), watch=self._watch)

    def _watch(self, message: Message, *, sent: bool) -> None:
        self.watched.append((message, sent))

    async def run(self) -> None:
        async with asyncio.timeout(LONG_S):
            await self.bridge.run(OPENING, self.events.append, self.ready.set)


def server_of(*messages: str | bytes, end: bytes = close(1000)) -> Any:
    """Return a server that waits for the opening, says this, and closes."""

    async def script(peer: Peer) -> None:
        await peer.read()
        peer.write(*(frame(BINARY, m) if isinstance(m, bytes) else frame(TEXT, m.encode()) for m in messages), end)
        while True:
            await peer.read()

    return raw_server(script)


@asynccontextmanager
async def served(codec: Dialect, **patience: float) -> AsyncIterator[tuple[Running, Peer]]:
    """Give a running bridge that is ready, and the server's end of it."""
    peers: asyncio.Queue[Peer] = asyncio.Queue(1)

    async def script(peer: Peer) -> None:
        await peer.read()
        peer.write(frame(TEXT, b"ok"))
        peers.put_nowait(peer)
        await asyncio.sleep(3600)

    async with raw_server(script) as url, asyncio.TaskGroup() as tasks:
        running = Running(codec, url, **patience)
        task = tasks.create_task(running.run())
        async with asyncio.timeout(LONG_S):
            peer = await peers.get()
            await running.ready.wait()
        yield running, peer
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_frames_and_commands_are_written_and_messages_emitted_in_the_same_call() -> None:
    async with served(Dialect()) as (running, peer):
        running.bridge.hear(b"\x01\x02")
        running.bridge.send(CommitInput())
        running.bridge.send(Interrupt(response_id="r"))
        peer.write(frame(TEXT, b"hello"), frame(TEXT, b"?"))
        async with asyncio.timeout(LONG_S):
            got = [await peer.read() for _ in range(4)]
        assert got == [(BINARY, b"\x01\x02"), (TEXT, b"CommitInput"), (TEXT, b"Interrupt"), (TEXT, b"pong")]
        assert [event.text for event in running.events if isinstance(event, TextDelta)] == ["ok", "hello", "?"]
        assert running.watched[0] == ("open m", True)
        assert ("hello", False) in running.watched


@pytest.mark.parametrize(("codec", "largest"), [("opus", 640), ("pcm", 5 * 640)])
async def test_packets_are_never_put_together(codec: SoundCodec, largest: int) -> None:
    dialect = Dialect()
    dialect.capabilities = replace(Dialect.capabilities, input_codec=codec)
    async with served(dialect) as (running, _):
        for _ in range(60):
            running.bridge.hear(bytes(640))
        assert max(len(message) for message, sent in running.watched if sent and isinstance(message, bytes)) == largest


async def test_what_the_dialect_has_no_word_for_is_refused_at_once() -> None:
    async with served(Dialect()) as (running, _):
        with pytest.raises(Unsupported):
            running.bridge.send(ClearInput())


async def test_before_and_after_the_connection_nothing_is_sent_and_nothing_raises() -> None:
    running = Running(Dialect(), "ws://127.0.0.1:9")
    running.bridge.hear(b"\x00\x00")
    running.bridge.send(CommitInput())
    assert not running.watched


async def test_ends_by_itself_when_the_provider_has_ended_the_conversation() -> None:
    async with server_of("ok", "last words") as url:
        running = Running(Dialect(), url)
        await running.run()
    assert running.events[-2:] == [TextDelta("r", "i", "last words"), REST]


@pytest.mark.parametrize(
    ("messages", "end", "code"),
    [
        (("ok",), close(1011), "connection_lost"),
        (("ok", "x"), b"", "session_expired"),
        (("x",), b"", "session_expired"),
        (("ok", "!", "!", "!"), b"", "protocol_error"),
        ((), close(1011), "connection_lost"),
        ((), close(1000), "unavailable"),
    ],
)
async def test_says_what_ended_it(messages: tuple[str, ...], end: bytes, code: str) -> None:
    async with server_of(*messages, end=end) as url:
        running = Running(Dialect(), url)
        with pytest.raises(BridgeError) as raised:
            await running.run()
    assert raised.value.code == code


async def test_two_garbled_messages_are_survived(caplog: pytest.LogCaptureFixture) -> None:
    async with server_of("ok", "!", "!", "still there") as url:
        running = Running(Dialect(), url)
        await running.run()
    assert running.events[-2:] == [TextDelta("r", "i", "still there"), REST]
    assert len(caplog.records) == 2


async def test_a_defect_of_a_dialect_is_no_bridge_error() -> None:
    async with server_of("ok", "bug") as url:
        with pytest.raises(ZeroDivisionError):
            await Running(Dialect(), url).run()


async def test_a_provider_that_does_not_take_the_configuration_is_given_up() -> None:
    async with server_of("hm", end=b"") as url:
        running = Running(Dialect(), url, ready_s=0.2)
        with pytest.raises(BridgeError, match="configuration") as raised:
            await running.run()
    assert raised.value.code == "timeout"
    assert not running.ready.is_set()


async def test_a_dial_that_takes_too_long_is_given_up() -> None:
    async def dial(opening: Opening) -> Target:
        await asyncio.sleep(3600)
        raise AssertionError

    bridge = RealtimeBridge(Dialect(), dial, patience=Patience(dial_s=0.1))
    with pytest.raises(BridgeError) as raised:
        await bridge.run(OPENING, [].append, lambda: None)
    assert raised.value.code == "timeout"


async def test_looks_at_the_time_where_the_dialect_wants_that() -> None:
    codec = Dialect()
    codec.quiet_s, codec.idle_s = 0.1, 0.1
    async with served(codec) as (running, peer):
        await until(lambda: codec.calls["quiet"] > 0 and codec.calls["idle"] > 0)
        assert ReplyCut() in running.events
        async with asyncio.timeout(LONG_S):
            assert await peer.read() == (TEXT, b"alive")


async def test_says_goodbye_when_cancelled() -> None:
    async with served(Dialect()) as (running, peer):
        running.bridge.send(CommitInput())
        async with asyncio.timeout(LONG_S):
            await peer.read()
    assert ("bye", True) in running.watched
    assert running.events[-1] == REST
    running.bridge.hear(b"\x00\x00")
    assert running.watched[-1] == ("bye", True)


async def test_an_emitted_event_that_breaks_its_listener_ends_the_bridge() -> None:
    async with server_of("ok", "hello") as url:

        async def dial(opening: Opening) -> Target:
            return Target(url)

        def emit(event: Event) -> None:
            raise LookupError

        async with asyncio.timeout(LONG_S):
            with pytest.raises(LookupError):
                await RealtimeBridge(Dialect(), dial).run(OPENING, emit, lambda: None)
