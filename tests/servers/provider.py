"""What all simulators of realtime providers share: a real WebSocket server on loopback, its voice, its faults, its bill.

A provider's simulator is two small classes::

    class AcmeConnection(Connection):
        rate = 24000                                    # of the caller's sound
        async def begin(self):                          # the provider speaks first
            await self.send({"type": "hello"})
        async def on_text(self, text):                  # each message, already kept in self.messages
            message = self.checked(json.loads(text))    # refuse what the documentation does not know
            for edge in self.hear(pcm):                 # keeps, counts, detects turns: self.ear, self.sim.brain
                if edge.kind == "stop":
                    self.begin_reply(self.reply())      # one task; self.interrupt() cancels it
        async def reply(self):
            answer = self.sim.brain.answer(lines, tools)
            async for piece in self.pieces(answer.sentences, 24000):    # paced sound, with the faults asked for
                await self.send({"type": "audio", "data": b64(piece.pcm)})
            self.sim.truth.bill("reply", key, output_tokens=7)
        async def expiring(self): ...                   # what it says when faults.session_s is over; then it is closed
        async def going_away(self, left_s): ...         # what it says faults.go_away_s after the start

    class Acme(Simulator):
        path, connection = "/v1/acme", AcmeConnection   # async with Acme(faults=Faults(...)) as acme: acme.url, acme.http
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import WSCloseCode, WSMsgType, web

from tests.servers import toned
from tests.servers.minds import Brain, Ear, Edge

KEPT_S = 120
MAX_MESSAGE = 16 << 20
PATROL_S = 0.02

GARBAGE: dict[str, str | bytes] = {
    "bad_json": '{"type": "response.do',
    "array": "[1, 2, 3]",
    "wrong_types": '{"type": 7}',
    "empty": "",
    "deep": '{"type":' + "[" * 10_000 + "]" * 10_000 + "}",
    "huge_number": '{"type": "x", "n": ' + "9" * 100_000 + "}",
    "surrogate": '{"type": "\\ud800"}',
    "unknown_event": '{"type": "brand.new.event"}',
    "binary": b"\x00\xff" * 3 + b"\x01",
    "bad_utf8": b"\xff\xfe{}",
    "oversize": '{"type": "x", "blob": "' + "a" * (2 << 20) + '"}',
}
"""What a broken provider sends, by name; ``bad_utf8`` goes as a text frame. A provider adds its own kinds."""


@dataclass
class Faults:
    """What goes wrong; may be changed while the simulator runs. All off by default."""

    refuse: int | None = None
    """HTTP status of every handshake (``refuse_times`` of them; ``None``: all)."""
    refuse_times: int | None = None
    retry_after: str | None = None
    hang: bool = False
    """Take the connection and never answer the handshake."""
    only_first: bool = False
    """What is below happens to the first connection only."""
    close_after_ms: int | None = None
    """So long after the handshake."""
    close_mid_reply_ms: int | None = None
    """After so much sound of a reply was sent."""
    close_code: int | None = 1011
    """``None``: a TCP reset without a word."""
    half_open: bool = False
    """Read on and say nothing any more, not even a pong."""
    half_open_mid_reply_ms: int | None = None
    first_audio_s: float = 0.0
    bytes_per_s: int | None = None
    garbage: tuple[str, ...] = ()
    """Names of ``GARBAGE``, sent where a reply's sound begins."""
    session_s: float | None = None
    """The provider's cap: it tells in its own way, then closes."""
    go_away_s: float | None = None
    """So long after the start it says that it will end, where the provider has a word for that."""
    double_done: bool = False
    """Say the end of each response twice."""


NO_FAULTS = Faults()


@dataclass
class Truth:
    """What would have been billed: a JSON line each, on the disk before the provider tells anybody."""

    path: Path | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)

    def bill(self, kind: str, key: str, **amounts: float | str) -> None:
        """Write down one amount; ``key`` names what it is for and is unique."""
        row = {"kind": kind, "key": key, **amounts}
        self.rows.append(row)
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())

    def total(self, amount: str, kind: str | None = None) -> float:
        """Return the sum of one amount over all rows (of one kind)."""
        return sum(float(row.get(amount, 0)) for row in self.rows if kind in (None, row["kind"]))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some sound of a reply; ``text`` is the sentence that begins here, else empty."""

    text: str
    pcm: bytes


class Connection:
    """One session. Subclasses speak the protocol; here are the socket, the clock and what goes wrong."""

    rate = 24000

    def __init__(self, sim: Simulator, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.sim, self.request, self.ws = sim, request, ws
        self.number = len(sim.connections)
        self.opened_at = time.monotonic()
        self.messages: deque[Any] = deque(maxlen=20_000)
        self.received = bytearray()
        self.received_bytes = 0
        self.said: list[str] = []
        self.said_ms = 0
        self.ear = Ear(self.rate)
        self.replying: asyncio.Task[None] | None = None
        self._silent = False
        self._tasks: asyncio.TaskGroup | None = None

    # --- for the provider -------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Say what comes before anything was received."""

    async def on_text(self, text: str) -> None:
        """Take one text message."""

    async def on_binary(self, data: bytes) -> None:
        """Take one binary message."""

    async def expiring(self) -> None:
        """Say that the session has lasted long enough; the connection is closed after it."""

    async def going_away(self, left_s: float) -> None:
        """Warn that the session will end."""

    async def ended(self) -> None:
        """The connection has gone: settle the bill."""

    def garbage(self, name: str) -> str | bytes:
        """Return a broken message of this name."""
        return GARBAGE[name]

    # --- what it is made with -----------------------------------------------------------------------------------------

    @property
    def faults(self) -> Faults:
        """What goes wrong on this connection."""
        return NO_FAULTS if self.sim.faults.only_first and self.number else self.sim.faults

    async def send(self, message: dict[str, Any] | str | bytes) -> None:
        """Send one message, as slowly as asked; nothing when the provider is half-open or the caller has gone."""
        wire = json.dumps(message) if isinstance(message, dict) else message
        if self.faults.bytes_per_s:
            await asyncio.sleep(len(wire) / self.faults.bytes_per_s)
        if self._silent or self.faults.half_open or self.ws.closed:
            return
        with suppress(ConnectionError):
            await (self.ws.send_bytes(wire) if isinstance(wire, bytes) else self.ws.send_str(wire))

    def hear(self, pcm: bytes) -> list[Edge]:
        """Keep the caller's sound (``KEPT_S`` of it) and return the turns in it."""
        self.received_bytes += len(pcm)
        self.received += pcm[: max(0, KEPT_S * self.rate * 2 - len(self.received))]
        return self.ear.feed(pcm)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the reader until the connection ends."""
        assert self._tasks is not None
        return self._tasks.create_task(work)

    def begin_reply(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the reply; there is one at a time, so the one before must be over or interrupted."""
        self.replying = self.start(work)

    @property
    def busy(self) -> bool:
        """Whether a reply is being made."""
        return self.replying is not None and not self.replying.done()

    async def interrupt(self) -> bool:
        """Stop the running reply and wait until it has cleaned up; say whether there was one."""
        running = self.replying
        if running is None or running.done() or running is asyncio.current_task():
            return False
        running.cancel()
        await asyncio.wait((running,))
        return True

    async def pieces(self, sentences: Sequence[str], rate: int, chunk_ms: int | None = None) -> AsyncIterator[Piece]:
        """Yield the sound of a reply, ``sim.speed`` times faster than it plays, and let go wrong what shall."""
        if self.faults.first_audio_s:
            await asyncio.sleep(self.faults.first_audio_s)
        for name in self.faults.garbage:
            await self._throw(self.garbage(name), text=name == "bad_utf8")
        ms, made = chunk_ms or self.sim.chunk_ms, 0
        for sentence in sentences:
            pcm = toned.say(sentence, rate)
            self.said.append(sentence)
            for start in range(0, len(pcm), size := rate * ms // 1000 * 2):
                chunk = pcm[start : start + size]
                yield Piece("" if start else sentence, chunk)
                made += len(chunk) * 1000 // (2 * rate)
                self.said_ms += len(chunk) * 1000 // (2 * rate)
                await self._fail_at(made)
                await asyncio.sleep(len(chunk) / (2 * rate) / self.sim.speed)

    async def close(self, code: int | None = WSCloseCode.OK, reason: str = "") -> None:
        """Close with a code, or reset the connection without a word (``None``)."""
        if code is None:
            self._reset()
        else:
            with suppress(ConnectionError):
                await self.ws.close(code=code, message=reason.encode())

    # --- inside -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until either side ends."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                patrol = self.start(self._patrol())
                try:
                    await self.begin()
                    await self._read()
                finally:
                    patrol.cancel()
                    await self.interrupt()
                raise _Over
        except* _Over:
            pass
        finally:
            await self.ended()

    async def _read(self) -> None:
        async for message in self.ws:
            if message.type is WSMsgType.PING and not (self._silent or self.faults.half_open):
                with suppress(ConnectionError):  # who asked may be gone by now
                    await self.ws.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._keep(message.data)
                await self.on_text(message.data)
            elif message.type is WSMsgType.BINARY:
                self.sim.received_bytes += len(message.data)
                await self.on_binary(message.data)

    def _keep(self, text: str) -> None:
        self.sim.received_bytes += len(text)
        with suppress(ValueError):
            self.messages.append(json.loads(text))

    async def _patrol(self) -> None:
        """Look at the clock: the cap, the warning before it, the accident."""
        warned = False
        while True:
            faults, age = self.faults, time.monotonic() - self.opened_at
            if faults.close_after_ms is not None and age * 1000 >= faults.close_after_ms:
                return await self.close(faults.close_code)
            if faults.go_away_s is not None and age >= faults.go_away_s and not warned:
                warned = True
                await self.going_away((faults.session_s or faults.go_away_s + 5) - age)
            if faults.session_s is not None and age >= faults.session_s:
                await self.expiring()
                return await self.close()
            await asyncio.sleep(PATROL_S)

    async def _fail_at(self, made_ms: int) -> None:
        faults = self.faults
        if faults.half_open_mid_reply_ms is not None and made_ms >= faults.half_open_mid_reply_ms:
            self._silent = True
        if faults.close_mid_reply_ms is not None and made_ms >= faults.close_mid_reply_ms:
            await self.close(faults.close_code)

    async def _throw(self, junk: str | bytes, *, text: bool) -> None:
        if text and isinstance(junk, bytes) and self.ws._writer is not None:
            await self.ws._writer.send_frame(junk, WSMsgType.TEXT)
        else:
            await self.send(junk)

    def _reset(self) -> None:
        transport = self.request.transport
        if transport is not None:
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()


class _Over(Exception):
    """Ends the task group of a connection that is over."""


class Simulator:
    """The server. ``url`` is its WebSocket address, ``http`` the base of its other ones, both with a free port.

    ``speed``: how much faster than it plays a reply is sent. ``keys``: the credentials it takes, see :meth:`admit`.
    What goes wrong inside the simulator itself fails the test that uses it.
    """

    path = "/"
    connection: type[Connection] = Connection

    def __init__(
        self,
        *,
        brain: Brain | None = None,
        faults: Faults | None = None,
        truth: Path | None = None,
        speed: float = 5.0,
        chunk_ms: int = 100,
        key: str = "key-of-the-simulator",
    ) -> None:
        self.brain, self.faults, self.truth = brain or Brain(), faults or Faults(), Truth(truth)
        self.speed, self.chunk_ms, self.key = speed, chunk_ms, key
        self.connections: list[Any] = []
        self.attempts = self.refused = self.received_bytes = 0
        self.failures: list[BaseException] = []
        self.url = self.http = ""
        self._stack = AsyncExitStack()

    @property
    def last(self) -> Any:
        """The newest connection."""
        return self.connections[-1]

    def routes(self, app: web.Application) -> None:
        """Add the provider's addresses."""
        app.router.add_get(self.path, self.door)

    def admit(self, request: web.Request) -> web.Response | None:
        """Return the refusal of a handshake that the provider would not take, e.g. for its credentials."""
        return None

    async def __aenter__(self) -> Self:
        app = web.Application()
        self.routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.http, self.url = f"http://{host}:{port}", f"ws://{host}:{port}{self.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()
        await self._stack.aclose()
        if self.failures:
            raise ExceptionGroup(
                "the simulator failed", [each for each in self.failures if isinstance(each, Exception)]
            )

    def drop(self) -> None:
        """Reset every open connection now."""
        for each in self.connections:
            each._reset()

    async def door(self, request: web.Request) -> web.StreamResponse:
        """Take or refuse one connection and serve it."""
        self.attempts += 1
        if self.faults.hang:
            await asyncio.sleep(3600)
        refusal = self._refusal() or self.admit(request)
        if refusal is not None:
            self.refused += 1
            return refusal
        ws = web.WebSocketResponse(
            max_msg_size=MAX_MESSAGE, autoping=False, protocols=("realtime", "token"), timeout=1.0
        )
        await ws.prepare(request)
        connection = self.connection(self, request, ws)
        self.connections.append(connection)
        await self._guarded(connection.run())
        return ws

    def _refusal(self) -> web.Response | None:
        faults = self.faults
        if faults.refuse is None or faults.refuse_times == 0:
            return None
        if faults.refuse_times is not None:
            faults.refuse_times -= 1
        headers = {"Retry-After": faults.retry_after} if faults.retry_after is not None else {}
        return web.json_response({"error": {"message": "refused"}}, status=faults.refuse, headers=headers)

    async def _guarded(self, serving: Awaitable[None]) -> None:
        try:
            await serving
        except asyncio.CancelledError:
            raise
        except BaseException as failure:
            self.failures.append(failure)
