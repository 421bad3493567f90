"""DTLS-SRTP, SCTP and data channels for one peer: aiortc's transports on a datagram path of ours.

The only file that reaches below aiortc's public names. What it relies on, and what its contract test checks:
``RTCDtlsTransport`` takes any object with ``role``, ``state``, ``_recv``, ``_send`` in place of an ICE transport, keeps its
OpenSSL connection in ``_ssl``, its SRTP sessions in ``_rx_srtp`` and ``_tx_srtp`` and its receive loop in ``_task``;
``RTCSctpTransport`` runs on it, sends through ``_send_data`` and receives through ``_handle_data``; what it has
sent waits in ``_sent_queue`` until it is acknowledged, up to ``_last_sacked_tsn``.

What is different here: SRTP packets never pass through aiortc (:meth:`Stack.unprotect` and friends are plain calls), the
receive loop belongs to our caller's TaskGroup, a disturbed handshake goes on, and whatever a client sends inside SCTP ends
at worst its own call.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import pylibsrtp
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCSctpCapabilities,
    RTCSctpTransport,
    rtcsctptransport,
)
from aiortc.rtcdtlstransport import SRTPProtectionProfile, State
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL

from mediaserver.errors import Hangup
from mediaserver.rtc.dtls import plausible

logger = logging.getLogger(__name__)

USER_DATA = 1100
"""Bytes of a message per SCTP packet: with SCTP, DTLS, UDP and IP around it, it passes a path of 1200 bytes unfragmented."""

INBOX = 64
"""DTLS datagrams waiting to be read; more than any handshake flight, and the oldest gives way."""

MAX_BUFFERED = 1024 * 1024
"""Bytes said on the data channels that the client has not taken yet; more ends the call."""

MAX_CHANNELS = 8
MAX_DISTURBANCES = 32
MAX_SRTP = 1500 - 144
"""Longest packet libsrtp's binding protects; real voice packets have a tenth of it."""

rtcsctptransport.USERDATA_MAX_LENGTH = min(rtcsctptransport.USERDATA_MAX_LENGTH, USER_DATA)


class Channels(Protocol):
    """Who takes what happens on the data channels; see :class:`mediaserver.caller.Dialect`."""

    def opened(self, label: str, send: Callable[[str], None]) -> None:
        """A channel is open."""
        ...

    def received(self, label: str, text: str | bytes) -> None:
        """A message came."""
        ...

    def closed(self, label: str) -> None:
        """The channel is gone."""
        ...


class Certificate(RTCCertificate):
    """Our DTLS certificate; one OpenSSL context serves all its connections, which is most of the cost of making one."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    @property
    def age_left(self) -> float:
        """Seconds until it expires."""
        return self.expires.timestamp() - time.time()


_RENEW_BEFORE = 7 * 86400.0
_certificates: list[Certificate] = []


def certificate() -> Certificate:
    """Return this process's certificate, a new one in the last week of its 30 days."""
    if not _certificates or _certificates[0].age_left < _RENEW_BEFORE:
        _certificates[:] = [Certificate.generateCertificate()]
    return _certificates[0]


def fingerprints(of: Certificate) -> list[tuple[str, str]]:
    """Return what goes into the answer: (algorithm, value), SHA-256 only, as browsers do."""
    return [(f.algorithm, f.value) for f in of.getFingerprints() if f.algorithm == "sha-256"]


class _Path:
    """Stands in for aiortc's ICE transport: datagrams go out by a plain call and wait, bounded, to be read."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self._inbox: deque[bytes] = deque(maxlen=INBOX)
        self._arrived = asyncio.Event()

    def put(self, datagram: bytes) -> None:
        self._inbox.append(datagram)
        self._arrived.set()

    async def _recv(self) -> bytes:
        while not self._inbox:
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbox.popleft()

    async def _send(self, data: bytes) -> None:
        self._out(data)


class _Dtls(RTCDtlsTransport):
    """aiortc's DTLS transport without its receive task, and with a handshake that outlives a disturbance."""

    def __init__(self, path: _Path, certificate: Certificate, *, active: bool) -> None:
        super().__init__(cast(RTCIceTransport, path), [certificate])
        self._own = certificate
        self.disturbances = 0
        self._set_role("client" if active else "server")

    async def start(self, remoteParameters: RTCDtlsParameters) -> None:  # noqa: N803 - aiortc's spelling
        """Shake hands; afterwards the caller drives :meth:`receive`."""
        await super().start(remoteParameters)
        if self._task is not None:
            # It has not run yet, so cancelling it here means that it never will.
            self._task.cancel()
            self._task = None

    async def receive(self) -> None:
        """Wait for one datagram and act on it. Raises ConnectionError when the far end has closed."""
        await self._recv_next()

    async def _do_handshake(self) -> None:
        ssl = self._connection()
        while not self.encrypted:
            try:
                ssl.do_handshake()
            except SSL.WantReadError:
                await self._write_ssl()
                await self._recv_next()
            except SSL.Error:
                ssl = self._begin_again()
            else:
                self.encrypted = True

    def _begin_again(self) -> SSL.Connection:
        """Forget a handshake that someone spoilt: what was wrong is dropped, the alert about it is never sent."""
        self.disturbances += 1
        if self.disturbances > MAX_DISTURBANCES:
            raise Hangup("protocol_error", "the DTLS handshake failed again and again")
        self._ssl = SSL.Connection(self._own._create_ssl_context(self._srtp_profiles))
        begin = self._ssl.set_connect_state if self._role == "client" else self._ssl.set_accept_state
        begin()
        return self._ssl

    def _connection(self) -> SSL.Connection:
        if self._ssl is None:
            raise Hangup("internal_error", "the DTLS transport was not started")
        return self._ssl

    async def _send_data(self, data: bytes) -> None:
        # SCTP's timers send from tasks of their own, also in the moment when the transport ends: nobody could catch it.
        if self._state != State.CONNECTED:
            return
        try:
            await super()._send_data(data)
        except SSL.Error:
            logger.debug("DTLS refused to send: the connection is ending")

    def end(self) -> None:
        """Nothing leaves any more."""
        self._set_state(State.CLOSED)


class Stack:
    """DTLS, SRTP and data channels of one peer.

    ``send`` writes a datagram to the current path and never raises. ``active``: we send the ClientHello. ``remote`` are the
    fingerprints of which the client's certificate has to show all that we know.
    """

    def __init__(
        self,
        *,
        own: Certificate,
        active: bool,
        remote: Sequence[tuple[str, str]],
        send: Callable[[bytes], None],
        channels: Channels,
        data_port: int | None = None,
        data_limit: int = 65536,
    ) -> None:
        self._path = _Path(send)
        self._dtls = _Dtls(self._path, own, active=active)
        self._remote = RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value) for algorithm, value in remote])
        self._channels = channels
        self._data_port = data_port
        self._data_limit = data_limit
        self._sctp: RTCSctpTransport | None = None
        self._open: list[Any] = []
        self._rx: pylibsrtp.Session | None = None
        self._tx: pylibsrtp.Session | None = None
        self._closed = False
        self.refused = 0
        """Packets that SRTP did not believe, and messages that SCTP could not read."""

    @property
    def connected(self) -> bool:
        """Whether the handshake is done and the client is who its offer said."""
        return self._rx is not None

    @property
    def disturbances(self) -> int:
        """Handshakes begun again because of what arrived."""
        return self._dtls.disturbances

    def feed(self, datagram: bytes) -> None:
        """Take a DTLS datagram (first byte 20..63) from a known source."""
        if self._rx is None and not plausible(datagram):
            self.refused += 1
            return
        self._path.put(datagram)

    async def connect(self) -> None:
        """Shake hands and, if agreed, start SCTP. Raises Hangup when the client is not who its offer said."""
        await self._dtls.start(self._remote)
        if self._dtls.state != "connected":
            raise Hangup("protocol_error", "the DTLS certificate does not match the offer, or no SRTP profile fits")
        self._rx, self._tx = self._dtls._rx_srtp, self._dtls._tx_srtp
        if self._data_port is not None:
            self._sctp = RTCSctpTransport(self._dtls)
            self._sctp.on("datachannel", self._opened)
            await self._sctp.start(RTCSctpCapabilities(maxMessageSize=self._data_limit), self._data_port)

    async def serve(self) -> None:
        """Act on what arrives after :meth:`connect`, for ever. Raises Hangup when the far end has closed, or misbehaves."""
        while True:
            try:
                await self._dtls.receive()
            except ConnectionError:
                raise Hangup("client_closed", "the client closed its transport") from None
            except Hangup:
                raise
            except Exception:
                # aiortc asserts and unpacks what the client wrote inside SCTP (AssertionError, struct.error, UnicodeError).
                self.refused += 1
            self._check_bounds()

    def _check_bounds(self) -> None:
        sctp = self._sctp
        if sctp is None:
            return
        # The window is ours to grant: who sends past it wants our memory, not to talk.
        if sctp._advertised_rwnd < -MAX_BUFFERED or len(sctp._sack_misordered) > 4096:
            raise Hangup("protocol_error", "the data channel's flow control was ignored")

    # --- SRTP ---------------------------------------------------------------------------------------------------------

    def unprotect(self, packet: bytes) -> bytes | None:
        """Decrypt SRTP, or count and return ``None``."""
        return self._crypt(self._rx.unprotect, packet) if self._rx is not None else None

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Decrypt SRTCP, or count and return ``None``."""
        return self._crypt(self._rx.unprotect_rtcp, packet) if self._rx is not None else None

    def protect(self, packet: bytes) -> bytes | None:
        """Encrypt RTP, or count and return ``None``."""
        return self._crypt(self._tx.protect, packet) if self._tx is not None else None

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Encrypt RTCP, or count and return ``None``."""
        return self._crypt(self._tx.protect_rtcp, packet) if self._tx is not None else None

    def _crypt(self, function: Callable[[bytes], bytes], packet: bytes) -> bytes | None:
        try:
            return function(packet)
        except (pylibsrtp.Error, ValueError):
            self.refused += 1
            return None

    @property
    def acknowledged(self) -> int | None:
        """The last thing of the data channels that the client has confirmed (a TSN), ``None`` while nothing waits to be."""
        sctp = self._sctp
        return sctp._last_sacked_tsn if sctp is not None and sctp._sent_queue else None

    # --- data channels ------------------------------------------------------------------------------------------------

    def _opened(self, channel: Any) -> None:
        if len(self._open) >= MAX_CHANNELS:
            raise Hangup("protocol_error", f"more than {MAX_CHANNELS} data channels")
        self._open.append(channel)
        label = channel.label
        channel.on("message", lambda message: self._channels.received(label, message))
        channel.on("close", lambda: self._gone(channel))
        self._channels.opened(label, lambda text: self._say(channel, text))

    def _gone(self, channel: Any) -> None:
        self._open.remove(channel)
        self._channels.closed(channel.label)

    def _say(self, channel: Any, text: str) -> None:
        if channel.readyState != "open":
            return
        if sum(c.bufferedAmount for c in self._open) + len(text) > MAX_BUFFERED:
            raise Hangup("connection_lost", "the client does not read its data channel")
        try:
            channel.send(text)
        except ValueError as error:
            raise Hangup("protocol_error", "a message is longer than the client's data channel takes") from error

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Say goodbye (SCTP ABORT, DTLS close_notify) and stop all timers. Idempotent; nothing in it waits."""
        if self._closed:
            return
        self._closed = True
        if self._sctp is not None:
            await self._sctp.stop()
        await self._dtls.stop()
        self._dtls.end()
        self._rx = self._tx = None
