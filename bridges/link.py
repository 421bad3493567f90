"""One WebSocket to a provider: writes are plain calls, and what comes is handed on in the socket's own callback.

The protocol is the sans-I/O half of ``websockets`` (RFC 6455); the transport is asyncio's. There is no queue and no task per
frame: :meth:`Link.send` ends in one write, a received message in one call of the listener. Bounds: messages over
``max_message`` close the connection (1009); sound is dropped while more than ``SOUND_BYTES`` wait for a slow network; more
than ``ALL_BYTES`` waiting ends the link, also when pongs are what waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from bridges.framing import framed
from mediaserver.errors import BridgeError

MAX_MESSAGE = 1 << 20
SOUND_BYTES = 256 * 1024
ALL_BYTES = 4 << 20
CLOSE_S = 1.0

_SILENT = logging.getLogger("bridges.link.wire")
_SILENT.setLevel(logging.CRITICAL + 1)  # it would write headers and messages at DEBUG: keys, sound, transcripts

OnMessage = Callable[[str | bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the URL may hold a credential in its query, so it is never shown; headers neither."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    subprotocols: Sequence[str] = ()
    max_message: int = MAX_MESSAGE


class Link(asyncio.Protocol):
    """An open connection; made by :func:`open_link`. ``sent`` and ``received`` count messages, ``dropped`` lost sound."""

    def __init__(self, target: Target) -> None:
        self.sent = self.received = self.dropped = 0
        self._on_message: OnMessage | None = None
        self._on_pong: Callable[[], None] = lambda: None
        self._early: list[str | bytes] = []
        self._ws = ClientProtocol(
            _uri(target.url),
            subprotocols=[Subprotocol(name) for name in target.subprotocols] or None,
            max_size=target.max_message,
            logger=_SILENT,
        )
        self._headers = target.headers
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[tuple[int, str]] = loop.create_future()
        self._partial = bytearray()
        self._binary = False
        self._max = target.max_message
        self._failure: Exception | None = None

    # --- for its owner ------------------------------------------------------------------------------------------------

    def listen(self, on_message: OnMessage, on_pong: Callable[[], None] = lambda: None) -> None:
        """Hand on every message from the first one, also what came together with the handshake, and say of each pong."""
        self._on_message, self._on_pong = on_message, on_pong
        early, self._early = self._early, []
        for message in early:
            self._hand_on(message)
        if early and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def send(self, message: str | bytes, *, sound: bool = False) -> None:
        """Write one message now; ``sound`` may be lost when the provider does not read.

        What is sent after the connection has gone is lost too: :meth:`wait_closed` tells.
        """
        transport = self._transport
        if transport is None or self._ws.state is not State.OPEN:
            return
        waiting = transport.get_write_buffer_size()
        if sound and waiting > SOUND_BYTES:
            self.dropped += 1
            return
        if waiting > ALL_BYTES:
            self._fail(_unread(), 1011)
            return
        self.sent += 1
        # Nothing of the state machine's waits to be written: whatever makes it say something flushes at once.
        if isinstance(message, str):
            transport.write(framed(Opcode.TEXT, message.encode()))
        else:
            transport.write(framed(Opcode.BINARY, message))

    def ping(self) -> None:
        """Ask the far end for a sign of life (a protocol ping)."""
        if self._ws.state is State.OPEN:
            self._ws.send_ping(b"")
            self._flush()

    async def wait_closed(self) -> tuple[int, str]:
        """Return the code and reason of the close; 1006 when the connection was lost without one.

        Raises what the listener raised.
        """
        closed = await asyncio.shield(self._closed)
        if self._failure is not None:
            raise self._failure
        return closed

    # --- asyncio.Protocol ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without being a subclass
        request = self._ws.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._ws.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take bytes, answer pings, hand on messages."""
        self._ws.receive_data(data)
        self._events()

    def eof_received(self) -> None:
        """The far end writes no more."""
        self._ws.receive_eof()
        self._events()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has gone."""
        if self._ws.state is not State.CLOSED:
            with contextlib.suppress(Exception):  # the state machine may have seen the end already
                self._ws.receive_eof()
        self._transport = None
        if not self._opened.done():
            self._opened.set_exception(self._ws.handshake_exc or ConnectionError("closed in the handshake"))
        self._end(self._ws.close_code or 1006, self._ws.close_reason or "")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _events(self) -> None:
        for event in self._ws.events_received():
            if isinstance(event, Response):
                self._shake(event)
            elif isinstance(event, Frame) and self._failure is None:
                self._frame(event)
        self._judge()
        self._flush()
        if self._ws.close_expected() and self._transport is not None and self._ws.state is State.CLOSED:
            self._transport.close()

    def _judge(self) -> None:
        """End the link when the far end broke the protocol, or floods us with pings and does not read the pongs."""
        if self._failure is not None or self._ws.state is State.CONNECTING:
            return
        broken = self._ws.parser_exc
        if isinstance(broken, PayloadTooBig):
            self._fail(_too_large(), 1009)
        elif broken is not None and not isinstance(broken, EOFError):
            self._fail(BridgeError("the provider broke the WebSocket protocol", code="protocol_error"), 1002)
        elif self._transport is not None and self._transport.get_write_buffer_size() > ALL_BYTES:
            self._fail(_unread(), 1011)

    def _shake(self, _response: Response) -> None:
        if self._opened.done():
            return
        if self._ws.handshake_exc is not None:
            self._opened.set_exception(self._ws.handshake_exc)
        else:
            self._opened.set_result(None)

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:  # nothing comes after it; whether TCP ends too is the provider's affair
            told = self._ws.close_rcvd
            self._end(told.code if told else 1005, told.reason if told else "")
            return
        if frame.opcode is Opcode.PONG:
            self._on_pong()
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.opcode is not Opcode.CONT:
            self._binary = frame.opcode is Opcode.BINARY
            self._partial.clear()
        self._partial += frame.data
        if len(self._partial) > self._max:
            self._fail(_too_large(), 1009)
        elif frame.fin:
            self._whole(bytes(self._partial))

    def _whole(self, data: bytes) -> None:
        self._partial.clear()
        self.received += 1
        try:
            message = data if self._binary else data.decode()
        except UnicodeDecodeError:
            self._fail(BridgeError("the provider sent text that is no UTF-8", code="protocol_error"), 1007)
            return
        if self._on_message is not None:
            self._hand_on(message)
            return
        self._early.append(message)  # no more than what was read at once
        if self._transport is not None:
            self._transport.pause_reading()

    def _hand_on(self, message: str | bytes) -> None:
        if self._on_message is None or self._failure is not None:
            return
        try:
            self._on_message(message)
        except Exception as failure:  # told by wait_closed, in the task that owns the link
            self._fail(failure, 1011)

    def _fail(self, failure: Exception, code: int) -> None:
        self._failure = failure
        if self._ws.state is State.OPEN:
            self._ws.fail(code)
            self._flush()
        self._end(code, "")

    def _end(self, code: int, reason: str) -> None:
        if not self._closed.done():
            self._closed.set_result((code, reason))

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if self._transport is None or self._transport.is_closing():
                continue
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()

    async def _close(self) -> None:
        try:
            if self._ws.state is State.OPEN:
                self._ws.send_close(1000)
                self._flush()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await asyncio.shield(self._closed)
        finally:
            if self._transport is not None:
                self._transport.abort()


def _too_large() -> BridgeError:
    return BridgeError("the provider sent too large a message", code="too_large")


def _unread() -> BridgeError:
    return BridgeError("the provider does not read what it is sent", code="timeout")


@cache
def _trust() -> ssl.SSLContext:
    """Return the system's authorities, read once: that takes longer than connecting."""
    return ssl.create_default_context()


def _uri(url: str) -> WebSocketURI:
    try:
        return parse_uri(url)
    except Exception:  # its text would hold the URL, and that a credential
        raise BridgeError("the provider's address is not valid", code="unavailable", retryable=False) from None


@contextlib.asynccontextmanager
async def open_link(target: Target, *, timeout: float, tls: ssl.SSLContext | None = None) -> AsyncIterator[Link]:  # noqa: ASYNC109
    """Connect within ``timeout`` seconds and close in the end.

    Raises BridgeError: ``unauthorized`` (401, 403), ``rate_limited`` (429, with ``retry_after``), ``unavailable``,
    ``timeout``.
    """
    uri = _uri(target.url)
    context = (tls or _trust()) if uri.secure else None
    link = Link(target)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            await loop.create_connection(
                lambda: link, uri.host, uri.port, ssl=context, server_hostname=uri.host if context else None
            )
            await link._opened
    except TimeoutError:
        await _give_up(link)
        raise BridgeError("the provider did not answer in time", code="timeout") from None
    except InvalidStatus as refused:
        await _give_up(link)
        raise refusal(refused.response.status_code, refused.response.headers.get("Retry-After")) from None
    except (OSError, UnicodeError, InvalidHandshake):
        await _give_up(link)
        raise BridgeError("the provider could not be reached", code="unavailable") from None
    except BaseException:
        await _give_up(link)
        raise
    try:
        yield link
    finally:
        await link._close()


async def _give_up(link: Link) -> None:
    if link._transport is not None:
        link._transport.abort()
    if (
        link._opened.cancel() or link._opened.cancelled()
    ):  # whatever the end of the transport brings, nobody waits for it
        return
    link._opened.exception()  # it was seen


def refusal(status: int, retry_after: str | None = None) -> BridgeError:
    """Return what an HTTP status of a provider means; ``retry_after`` is its header, in seconds or not at all."""
    told = (retry_after or "").strip()
    seconds = float(told) if told.isascii() and told.isdigit() else None
    if status in (401, 403):
        return BridgeError("the provider refused our credentials", code="unauthorized", retryable=False)
    if status == 429:
        return BridgeError("the provider is at its limit", code="rate_limited", retry_after=seconds)
    if status >= 500:
        return BridgeError(f"the provider answered {status}", code="unavailable", retry_after=seconds)
    return BridgeError(f"the provider answered {status}", code="refused", retryable=False)
