"""One client's WebSocket: what is said waits in a bounded queue with one writer, what is heard is handed on in order.

Bounds (reliability L6): a client that lets more than 4 MB wait, or takes nothing for 6 s, is hung up. The kernel may keep
little for it: what waits there is not seen to wait. Messages over ``max_message`` close with 1009,
bad UTF-8 with 1007 (RFC 6455 §7.4.1), both by aiohttp; there is no compression.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from mediaserver.errors import Hangup, Overloaded, RequestError, TooLarge

MAX_WAITING = 4 << 20
"""Bytes that may wait for a client."""

MAX_MESSAGES = 1 << 16
KERNEL_BYTES = 1 << 16
"""Of what was sent and not taken, in the kernel; left to itself that grows to megabytes, minutes of sound."""

UNSENT_BYTES = 1 << 14
"""Of what the kernel did not take; with more than that the writer waits."""


WRITE_S = 6.0
FLUSH_S = 1.0
CLOSE_S = 2.0
HEARTBEAT_S = 20.0
MAX_REASON = 123
"""Bytes of a close reason (RFC 6455 §5.5)."""

Take = Callable[[str | bytes], Awaitable[None]]

ENDED_CODES = {
    "client_closed": (WSCloseCode.OK, "client_closed"),
    "provider_closed": (WSCloseCode.OK, "provider_closed"),
    "idle": (WSCloseCode.OK, "idle"),
    "max_duration": (WSCloseCode.GOING_AWAY, "max_duration"),
    "server_shutdown": (WSCloseCode.GOING_AWAY, "server_shutdown"),
    "connection_lost": (WSCloseCode.POLICY_VIOLATION, "the client does not read"),
    "protocol_error": (WSCloseCode.POLICY_VIOLATION, "bad_request"),
    "provider_error": (WSCloseCode.INTERNAL_ERROR, "upstream_error"),
}
"""From the reason of a call's end to a close code; anything else is 1011."""


class Socket:
    """A prepared WebSocket. ``send`` and ``hang_up`` are plain calls; :meth:`serve` does everything else."""

    def __init__(self, wire: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._wire = wire
        self._transport = transport
        self._waiting: deque[str | bytes] = deque(maxlen=MAX_MESSAGES)
        self._bytes = 0
        self._more = asyncio.Event()
        self._all_out = asyncio.Event()
        self._all_out.set()
        self._over = asyncio.Event()
        self._end: Hangup | None = None
        self._code: tuple[int, str] | None = None
        self._stuck = False
        self._closing = False

    def send(self, message: str | bytes) -> None:
        """Queue a message: text, or bytes as a binary one. Never raises: a client that does not keep up is hung up."""
        if self._stuck or self._closing:
            return
        self._bytes += len(message)
        if self._bytes > MAX_WAITING or len(self._waiting) >= MAX_MESSAGES:
            self._give_up()
            return
        self._waiting.append(message)
        self._all_out.clear()
        self._more.set()

    def hang_up(self, reason: str, detail: str, code: int | None = None, word: str = "") -> None:
        """End :meth:`serve` with this reason; the first counts. ``code`` and ``word`` are what the client is told."""
        if self._end is None:
            self._end = Hangup(reason, detail)
            self._code = None if code is None else (code, word)
        self._over.set()

    def hang_up_binary(self) -> None:
        """End it for a binary message, where the protocol has none."""
        detail = "binary messages are not part of this protocol"
        self.hang_up("protocol_error", detail, WSCloseCode.UNSUPPORTED_DATA, "bad_request")

    def hang_up_too_large(self, error: TooLarge) -> None:
        """End it for a message that was refused for its size."""
        self.hang_up("protocol_error", error.message, WSCloseCode.MESSAGE_TOO_BIG, "too_large")

    async def serve(self, take: Take) -> None:
        """Write what is queued and give ``take`` every message, until it is over: raises Hangup."""
        async with asyncio.TaskGroup() as tasks:
            serving = [tasks.create_task(self._write(), name="socket writer"), tasks.create_task(self._read(take))]
            await self._over.wait()
            for task in serving:
                task.cancel()
        raise self._end or Hangup("client_closed")

    async def refuse(self, error: RequestError) -> None:
        """Let out what was said of it, and close: it is over before it began."""
        full = isinstance(error, Overloaded)
        code = WSCloseCode.TRY_AGAIN_LATER if full else WSCloseCode.POLICY_VIOLATION
        self.hang_up("protocol_error", error.message, code, "rate_limited" if full else "unauthorized")
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write(), name="socket writer")
            await self.close("protocol_error")
            writing.cancel()

    async def close(self, reason: str) -> None:
        """Let out what is queued, say goodbye with the code of this reason, and free the transport. Idempotent."""
        if self._closing:
            return
        if not self._stuck and not self._wire.closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._all_out.wait()
        self._closing = True
        self.hang_up(reason, "")
        code, word = self._code or ENDED_CODES.get(reason, (WSCloseCode.INTERNAL_ERROR, "internal_error"))
        try:
            if not self._stuck and not self._wire.closed:  # what it did not read it will not read
                async with asyncio.timeout(CLOSE_S):
                    await self._wire.close(code=code, message=cut(word))
                    await self._empty()
        except (TimeoutError, ConnectionError):
            self._stuck = True
        finally:
            self._waiting.clear()
            if self._stuck and self._transport is not None:
                self._transport.abort()

    async def _empty(self) -> None:
        """Wait until the kernel has taken everything; the transport tells nobody, so look."""
        while self._unsent():  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def _unsent(self) -> int:
        return 0 if self._stuck or self._transport is None else self._transport.get_write_buffer_size()

    def _give_up(self) -> None:
        self._stuck = True
        self._waiting.clear()
        self._all_out.set()
        self.hang_up("connection_lost", "the client does not read what it is sent")

    async def _write(self) -> None:
        while True:
            while self._waiting:
                message = self._waiting.popleft()
                if not await self._timely(self._put(message)):
                    return
                self._bytes -= len(message)
            self._all_out.set()
            self._more.clear()
            await self._more.wait()

    async def _timely(self, writing: Awaitable[None]) -> bool:
        """Wait for the client to take it; hang up and return false when it does not, or is gone."""
        try:
            async with asyncio.timeout(WRITE_S):
                await writing
        except TimeoutError:
            self._give_up()
            return False
        except ConnectionError:
            self._waiting.clear()
            self._all_out.set()
            self.hang_up("client_closed", "the connection was closed")
            return False
        return True

    async def _put(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._wire.send_str(message)
        else:
            await self._wire.send_bytes(message)

    async def _read(self, take: Take) -> None:
        while True:
            message = await self._wire.receive()
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await take(message.data)
            elif message.type is WSMsgType.PING:
                await self._timely(self._wire.pong(message.data))
            elif message.type is WSMsgType.PONG:
                continue
            elif isinstance(message.data, WebSocketError):
                self.hang_up("protocol_error", "the client broke the WebSocket protocol")
                return
            elif message.type is WSMsgType.ERROR:
                self.hang_up("connection_lost", "the client is gone")
                return
            else:
                self.hang_up("client_closed", "the client closed its connection")
                return


async def open_socket(
    request: web.Request, protocols: Iterable[str], max_message: int
) -> tuple[web.WebSocketResponse, Socket]:
    """Upgrade a request that was already let in; ``max_message`` in bytes. The first is what its handler returns."""
    wire = web.WebSocketResponse(
        protocols=tuple(protocols), compress=False, heartbeat=HEARTBEAT_S, max_msg_size=max_message, timeout=1.0,
        writer_limit=UNSENT_BYTES, autoping=False,  # a pong that nobody takes must not be waited for without end
    )  # fmt: skip
    await wire.prepare(request)
    if request.transport is not None:
        _keep_little(request.transport)
    return wire, Socket(wire, request.transport)


def _keep_little(transport: asyncio.Transport) -> None:
    transport.set_write_buffer_limits(high=UNSENT_BYTES)
    if (plain := transport.get_extra_info("socket")) is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)


def cut(reason: str) -> bytes:
    """Return a close reason of at most 123 bytes, cut between characters."""
    return reason.encode()[:MAX_REASON].decode(errors="ignore").encode()
