"""The media port: one UDP port per worker for all its calls, on every address of the machine (RFC 7983 demultiplexing).

Each local address has its own socket on the same port number, so that an answer leaves from the address that was asked.
A wake-up reads a bounded batch; a datagram's source is looked up in a dictionary; the rest is plain calls. A source that
nobody knows can say two things: a STUN check with a username of ours and valid integrity, and sound that SRTP believes. Such
sound is heard, and its source is asked for consent (:mod:`mediaserver.rtc.consent`) before anything else is sent there. What
else strangers send is dropped and counted, never logged, so that neither a flood nor a forgery costs a call anything.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from mediaserver.audio.ticker import Ticker
from mediaserver.caller import Dialect
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BadRequest, ConfigError, Overloaded, TooLarge
from mediaserver.rtc import addresses, description, fragment, ice, rtp, stack, stun
from mediaserver.rtc.codecs import Red
from mediaserver.rtc.consent import Consents
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.sender import Voice
from mediaserver.rtc.shedding import Shedding

logger = logging.getLogger(__name__)

BATCH = 256
"""Datagrams read per wake-up; then other work has its turn."""

MAX_DATAGRAM = 2048
_BUFFER = 4 * 1024 * 1024
_WATCH_S = 0.25
_PORT_TRIES = 16


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """The media port as configured.

    ``port`` 0 takes a free one. ``addresses``: see :mod:`mediaserver.rtc.addresses`; empty means automatic, ``loopback``
    adds 127.0.0.1 and ::1 to that. Times in seconds; after ``silence_end_s`` a client that can come back on another
    connection has ``resume_s`` for it. ``max_calls`` at once, of which ``max_pending`` may be setting up.
    ``bitrate`` of our Opus in bit/s, ``complexity`` 0..10; ``dtx`` asks clients to stop sending in silence. ``red``: how an
    offer of redundancy is answered.
    """

    port: int = 0
    addresses: tuple[str, ...] = ()
    loopback: bool = False
    setup_timeout_s: float = 10.0
    silence_notice_s: float = 5.0
    silence_end_s: float = 30.0
    resume_s: float = 60.0
    max_calls: int = 1000
    max_pending: int = 200
    bitrate: int = 32000
    complexity: int = 5
    dtx: bool = True
    red: Red = "auto"


@dataclass(slots=True)
class Counters:
    """What happened to datagrams since the port opened; ``consent_asked`` counts each request, repeated ones too."""

    received: int = 0
    sent: int = 0
    send_failed: int = 0
    receive_failed: int = 0
    oversize: int = 0
    unknown_source: int = 0
    bad_stun: int = 0
    checks: int = 0
    consent_asked: int = 0
    consent_given: int = 0
    accepted: int = 0
    refused_offers: int = 0
    setup_timeouts: int = 0


Receive = Callable[[bytes, ice.Source, float], None]


@dataclass(slots=True)
class Endpoint:
    """One socket: bound to one local address, with the sources known on it."""

    index: int
    socket: socket.socket
    local: addresses.LocalAddress
    routes: dict[object, tuple[Receive, ice.Source, Peer]] = field(default_factory=dict)


class MediaPort:
    """See the module. Opened once per worker with :meth:`open`."""

    def __init__(self, settings: MediaSettings, ticker: Ticker, endpoints: list[Endpoint], clock: Clock) -> None:
        self.settings = settings
        self._ticker = ticker
        self._endpoints = endpoints
        self._clock = clock
        self._named: dict[bytes, Peer] = {}
        self._peers: dict[str, Peer] = {}
        self._voices: dict[bytes, str] = {}
        self._consents = Consents[Peer]()
        self._counters = Counters()
        self._deadlines = ice.Deadlines(settings.setup_timeout_s, settings.silence_notice_s, settings.silence_end_s)
        self._voice = Voice(settings.bitrate, settings.complexity)
        self._shedding = Shedding(settings.complexity)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: MediaSettings, ticker: Ticker, *, clock: Clock = monotonic
    ) -> AsyncIterator[MediaPort]:
        """Open the sockets, serve until the block ends, then close every call. Raises ConfigError when it cannot bind.

        The ticker is the worker's: whoever made it runs it.
        """
        chosen = addresses.choose(settings.addresses, loopback=settings.loopback)
        port = cls(settings, ticker, _bind_all(chosen, settings.port), clock)
        async with asyncio.TaskGroup() as tasks:
            port._listen()
            leave = ticker.before(port._read_all)
            watch = tasks.create_task(port._watch(), name="media port watch")
            try:
                yield port
            finally:
                leave()
                watch.cancel()
                await port._close()

    @property
    def port(self) -> int:
        """The UDP port number, the same on every address."""
        return int(self._endpoints[0].socket.getsockname()[1])

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that answers advertise."""
        return tuple(dict.fromkeys(e.local.advertise for e in self._endpoints))

    @property
    def peers(self) -> int:
        """Calls that hold something here."""
        return len(self._peers)

    # --- calls --------------------------------------------------------------------------------------------------------

    def accept(
        self, offer: str, dialect: Dialect, *, call_id: str | None = None, terms: description.Terms | None = None
    ) -> tuple[Peer, str]:
        """Make a peer for an offer and return it with the answer; one of the same call takes the place of the one before.

        Raises BadRequest or TooLarge for an offer that cannot be, Overloaded when full. A peer that nobody runs is freed
        at its set-up deadline all the same.
        """
        self._admit(again=call_id in self._peers)
        try:
            read = description.read_offer(offer, replace(terms or description.Terms(), red=self.settings.red))
        except (BadRequest, TooLarge):
            self._counters.refused_offers += 1
            raise
        peer = Peer(
            wire=self,
            ticker=self._ticker,
            dialect=dialect,
            offer=read,
            own=stack.certificate(),
            clock=self._clock,
            deadlines=self._deadlines,
            voice=self._voice,
            call_id=call_id,
        )
        self._peers[peer.id] = peer
        self.name(peer.agent.credentials.ufrag, peer)
        self._counters.accepted += 1
        return peer, self._answer(peer, peer.agent.credentials)

    def reoffer(self, peer: Peer, offer: str) -> str:
        """Answer a new offer on a live call: other codecs or direction, and an ICE restart when its credentials are new.

        DTLS, SRTP and our SSRC stay. Raises BadRequest, and keeps the call as it is, when the offer is another peer's.
        """
        return self._answer(peer, peer.renegotiate(description.read_offer(offer, peer.offer.terms)))

    def restart(self, peer: Peer, ufrag: str, pwd: str) -> str:
        """Answer new ICE credentials of the client with a fragment that holds ours; the old path serves until then."""
        credentials = peer.restart(ufrag, pwd)
        return fragment.write_fragment(peer.offer.agreed.mid, credentials, self.addresses, self.port)

    def stats(self) -> dict[str, int]:
        """Return the counters, how many calls there are, are being set up, and have gone silent, and Opus's complexity."""
        counted = {name: getattr(self._counters, name) for name in Counters.__slots__}
        silent = sum(peer.silent for peer in self._peers.values())
        calls = {"peers": len(self._peers), "pending": self._pending(), "silent": silent}
        return {**counted, **calls, "complexity": self._voice.complexity}

    def _admit(self, *, again: bool) -> None:
        """Raise Overloaded when there is no place; a call that is here already needs no other."""
        if len(self._peers) >= self.settings.max_calls and not again:
            raise Overloaded("no free place for another call")
        if self._pending() >= self.settings.max_pending:
            raise Overloaded("too many calls are being set up", retry_after=2)

    def _pending(self) -> int:
        return sum(not peer.connected for peer in self._peers.values())

    def _answer(self, peer: Peer, credentials: ice.Credentials) -> str:
        local = description.Local(
            credentials=credentials,
            fingerprints=peer.fingerprints,
            addresses=self.addresses,
            port=self.port,
            ssrc=peer.ssrc,
            cname=peer.cname,
            stream_id=peer.stream_id,
            track_id=peer.track_id,
            session=peer.session,
            version=peer.version,
            dtx=self.settings.dtx,
        )
        return description.write_answer(peer.offer, local)

    # --- mediaserver.rtc.wire.Wire ------------------------------------------------------------------------------------

    def sender(self, source: ice.Source) -> Callable[[bytes], None]:
        """Return a plain call that sends to this source from the address it knows, and counts instead of raising."""
        sendto, address, counters = self._endpoints[source.endpoint].socket.sendto, source.address, self._counters

        def send(datagram: bytes) -> None:
            try:
                sendto(datagram, address)
                counters.sent += 1
            except OSError:  # the buffer is full, the host unreachable, the socket closed: UDP promises nothing
                counters.send_failed += 1

        return send

    def learn(self, source: ice.Source, peer: Peer) -> None:
        """Give datagrams of this source to this peer."""
        self._endpoints[source.endpoint].routes[source.address] = (peer.datagram, source, peer)

    def forget(self, source: ice.Source, peer: Peer) -> None:
        """Treat this source as a stranger again, unless another peer has learnt it since."""
        routes = self._endpoints[source.endpoint].routes
        if (route := routes.get(source.address)) is not None and route[2] is peer:
            del routes[source.address]

    def name(self, ufrag: str, peer: Peer) -> None:
        """Let checks with this fragment reach this peer."""
        self._named[ufrag.encode()] = peer

    def unname(self, ufrag: str) -> None:
        """Let this fragment mean nothing."""
        self._named.pop(ufrag.encode(), None)

    def ask(self, source: ice.Source, peer: Peer, now: float) -> None:
        """Ask a source, unless it is being asked, whether the client of this peer is there and wants our packets."""
        request = self._consents.ask(peer, peer.agent.credentials, source, now)
        if request is not None:
            self._counters.consent_asked += 1
            self.sender(source)(request)

    def left(self, peer: Peer) -> None:
        """Forget a peer, unless another one of its call has taken its place."""
        self._consents.forget(peer)
        if self._peers.get(peer.id) is peer:
            del self._peers[peer.id]

    # --- the sockets --------------------------------------------------------------------------------------------------

    def _read_all(self) -> None:
        for endpoint in self._endpoints:
            self._readable(endpoint)
        if self._consents.due <= (now := self._clock()):
            self._ask_again(now)

    def _readable(self, endpoint: Endpoint) -> None:
        receive, routes, counters = endpoint.socket.recvfrom, endpoint.routes, self._counters
        now = self._clock()
        for _ in range(BATCH):
            try:
                data, address = receive(MAX_DATAGRAM + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error of an earlier send: the next read works again
                counters.receive_failed += 1
                continue
            counters.received += 1
            if not 0 < len(data) <= MAX_DATAGRAM:
                counters.oversize += 1
                continue
            route = routes.get(address)
            if data[0] < 4:
                self._check(endpoint, data, address, route and route[2], now)
            elif route is None:
                counters.unknown_source += 1
                self._overhear(endpoint, data, address, now)
            else:
                try:
                    route[0](data, route[1], now)
                except Exception as defect:  # anything: what one call cannot take is not the end of the others
                    route[2].broke(defect)

    def _check(self, endpoint: Endpoint, data: bytes, address: ice.Address, known: Peer | None, now: float) -> None:
        message, source = stun.parse(data), ice.Source(endpoint.index, address)
        if message is None or message.kind != stun.BINDING_REQUEST:
            self._counters.bad_stun += message is None or not self._answered(message, source, now)
            return
        names = stun.fragments(message.username)
        peer = (self._named.get(names[0]) if names is not None else None) or known
        response = peer.check(message, source, now) if peer is not None else None
        if response is None:
            self._counters.unknown_source += 1
            return
        self._counters.checks += 1
        self.sender(source)(response)

    def _overhear(self, endpoint: Endpoint, data: bytes, address: ice.Address, now: float) -> None:
        """Give what looks like the sound of a call to it, wherever it comes from: SRTP says whether it is."""
        ssrc = rtp.stream(data)
        peer = self._peers.get(self._voices.get(ssrc, "")) if ssrc is not None else None
        if peer is None:
            return
        try:
            peer.datagram(data, ice.Source(endpoint.index, address), now)
        except Exception as defect:  # as above
            peer.broke(defect)

    def _answered(self, message: stun.Message, source: ice.Source, now: float) -> bool:
        peer = self._consents.answer(message, source)
        if peer is None:
            return False
        self._counters.consent_given += 1
        peer.proved(source, now)
        return True

    def _ask_again(self, now: float) -> None:
        for source, request in self._consents.again(now):
            self._counters.consent_asked += 1
            self.sender(source)(request)

    async def _watch(self) -> None:
        """See to the deadlines of all calls, also of those that nobody runs, and to the load of this thread's core."""
        then, used = self._clock(), time.thread_time()
        while True:
            await asyncio.sleep(_WATCH_S)
            now, using = self._clock(), time.thread_time()
            if now > then:
                self._look_at_the_load((using - used) / (now - then), now)
            then, used = now, using
            self._look_at_the_peers(now)  # in a call of its own, whose variables keep no peer until the next look

    def _look_at_the_peers(self, now: float) -> None:
        """See to each of them, and note by which SSRC its sound is known; of two calls with the same one, the older is."""
        self._voices = {}
        for peer in list(self._peers.values()):
            self._counters.setup_timeouts += peer.watch(now)
            if (ssrc := peer.ssrc_heard) is not None:
                self._voices.setdefault(ssrc.to_bytes(4, "big"), peer.id)

    def _look_at_the_load(self, busy: float, now: float) -> None:
        if self._shedding.look(busy, now):
            self._voice.complexity = self._shedding.complexity
            logger.warning("the core is %.0f %% busy: Opus complexity is %d now", busy * 100, self._voice.complexity)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for endpoint in self._endpoints:
            loop.add_reader(endpoint.socket, self._readable, endpoint)

    async def _close(self) -> None:
        loop = asyncio.get_running_loop()
        for peer in list(self._peers.values()):
            await peer.close("server_shutdown")
        for endpoint in self._endpoints:
            loop.remove_reader(endpoint.socket)
            endpoint.socket.close()


# --- binding ----------------------------------------------------------------------------------------------------------


def _bind_all(chosen: tuple[addresses.LocalAddress, ...], port: int) -> list[Endpoint]:
    """Bind every address to the same port; with port 0 the first picks it, and again while another address has it taken."""
    if not chosen:
        raise ConfigError("media.addresses", "this machine has no address to listen on")
    problem: OSError | None = None
    for _ in range(1 if port else _PORT_TRIES):
        endpoints: list[Endpoint] = []
        try:
            for index, local in enumerate(chosen):
                number = endpoints[0].socket.getsockname()[1] if endpoints else port
                endpoints.append(Endpoint(index, _bind(local, number), local))
            return endpoints
        except OSError as error:
            problem = error
            for endpoint in endpoints:
                endpoint.socket.close()
    raise ConfigError("media.port", f"cannot listen on UDP port {port}: {problem}")


def _bind(local: addresses.LocalAddress, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if local.version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if local.version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        sock.bind((local.bind, port))
    except OSError:
        sock.close()
        raise
    return sock
