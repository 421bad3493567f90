"""ICE-lite for one peer, as a pure state machine (RFC 8445 §2.5, §6.1.2, §7.3).

The server answers connectivity checks and begins none. A check with valid credentials makes its source *known*: from
then on media is taken from there. A check with USE-CANDIDATE makes the source the *path* that we send to; a later one from
another source moves it, which is how a call survives a change of network address, and so does consent that was asked for
where the client speaks (:mod:`mediaserver.rtc.consent`). New credentials for the same peer are an ICE restart: the old ones
stay valid until a check with the new ones nominates.

Nothing here knows a socket or a clock: ``now`` comes in, in monotonic seconds.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import NamedTuple

from mediaserver.rtc import stun

_ICE_CHARS = string.ascii_letters + string.digits
SETTLE_S = 0.5
"""A nomination from elsewhere within this time of a check on the path does not move it; media from there does."""

MAX_SOURCES = 8
"""Known sources kept per peer; the one longest unheard is forgotten first, never the path in use."""


Address = tuple[str, int] | tuple[str, int, int, int]
"""A far end as the socket names it: with flow and scope for IPv6."""


class Source(NamedTuple):
    """Where a datagram came from: which of our sockets took it, and the far end's address as the socket names it."""

    endpoint: int
    address: Address


@dataclass(frozen=True, slots=True)
class Credentials:
    """One generation of ICE credentials; ours are made here, the peer's come from its offer."""

    ufrag: str
    pwd: str
    remote_ufrag: str
    remote_pwd: str


@dataclass(frozen=True, slots=True)
class SourceKnown:
    """A source has passed a check: take media from it."""

    source: Source


@dataclass(frozen=True, slots=True)
class SourceForgotten:
    """A source is no longer valid: drop what it says."""

    source: Source


@dataclass(frozen=True, slots=True)
class PathNominated:
    """Send to this source from now on; ``moved`` when there was another one before."""

    source: Source
    moved: bool


@dataclass(frozen=True, slots=True)
class Restarted:
    """The new credentials are in use; ``dropped`` are the fragments of ours that are no longer valid."""

    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConsentRefreshed:
    """The far end still wants our packets (RFC 7675)."""


IceEvent = SourceKnown | SourceForgotten | PathNominated | Restarted | ConsentRefreshed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to send back to the source of a check, and what became of it. Both empty: drop it."""

    response: bytes | None = None
    events: tuple[IceEvent, ...] = ()


_DROPPED = Verdict()


def new_credentials(remote_ufrag: str, remote_pwd: str) -> Credentials:
    """Make our half: 48 bits of fragment and 143 bits of password (RFC 8445 §5.3 asks for 24 and 128)."""
    return Credentials(_random(8), _random(24), remote_ufrag, remote_pwd)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARS) for _ in range(length))


@dataclass(slots=True)
class IceAgent:
    """The lite agent of one peer. ``path`` is where to send, ``None`` until nominated."""

    credentials: Credentials
    path: Source | None = None
    pending: Credentials | None = None
    _known: dict[Source, float] = field(default_factory=dict)

    @property
    def ufrags(self) -> tuple[str, ...]:
        """Our fragments that are valid now: the current one, and the next while a restart is under way."""
        return tuple(c.ufrag for c in (self.credentials, self.pending) if c is not None)

    @property
    def latest(self) -> Credentials:
        """The generation that a client was told last: the next one while a restart is under way."""
        return self.pending or self.credentials

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source that has passed a check and was not forgotten."""
        return tuple(self._known)

    def restart(self, remote_ufrag: str, remote_pwd: str) -> tuple[Credentials, tuple[str, ...]]:
        """Begin an ICE restart (RFC 8445 §9): the new credentials, and our fragments that became void by it."""
        void = (self.pending.ufrag,) if self.pending is not None else ()
        self.pending = new_credentials(remote_ufrag, remote_pwd)
        return self.pending, void

    def request(self, message: stun.Message, source: Source, now: float) -> Verdict:
        """Judge a Binding request whose USERNAME names one of our fragments.

        Unauthentic checks get an error when their source is known already and silence otherwise, so that a stranger can
        neither disturb nor probe.
        """
        credentials = self._named(message)
        if credentials is None or not stun.authentic(message, credentials.pwd.encode()):
            return self._refuse(message, source)
        password = credentials.pwd.encode()
        if message.unknown:
            return Verdict(stun.error(message, 420, password))
        if stun.ICE_CONTROLLED in message.attributes:
            # We are lite, hence always controlled: the other side has to change its mind (RFC 8445 §7.3.1.1).
            return Verdict(stun.error(message, 487, password))
        host, port = source.address[0], source.address[1]
        response = stun.success(message, host, port, password)
        return Verdict(response, tuple(self._accept(credentials, source, now, nominated=message.nominates)))

    def proved(self, source: Source, now: float) -> tuple[IceEvent, ...]:
        """Move the path to a source that answered when we asked it (:mod:`mediaserver.rtc.consent`)."""
        events = self._accept(self.credentials, source, now, nominated=False)
        moved = self.follow(source)
        return (*events, moved) if moved is not None else tuple(events)

    def follow(self, source: Source) -> PathNominated | None:
        """Move the path to a known source whose authenticated media says that it is in use; ``None`` if it is already."""
        if source == self.path or source not in self._known:
            return None
        moved = self.path is not None
        self.path = source
        return PathNominated(source, moved)

    def _named(self, message: stun.Message) -> Credentials | None:
        names = stun.fragments(message.username)
        if names is None:
            return None
        for credentials in (self.credentials, self.pending):
            if credentials is not None and names == (credentials.ufrag.encode(), credentials.remote_ufrag.encode()):
                return credentials
        return None

    def _refuse(self, message: stun.Message, source: Source) -> Verdict:
        if source not in self._known:
            return _DROPPED
        incomplete = message.signed is None or message.username is None
        return Verdict(stun.error(message, 400 if incomplete else 401, None))

    def _accept(self, credentials: Credentials, source: Source, now: float, *, nominated: bool) -> list[IceEvent]:
        events: list[IceEvent] = []
        if source not in self._known:
            events += [SourceForgotten(old) for old in self._make_room()]
            events.append(SourceKnown(source))
        if nominated and not self._just_settled(credentials, source, now):
            events += self._nominate(credentials, source)
        self._known[source] = now
        events.append(ConsentRefreshed())
        return events

    def _just_settled(self, credentials: Credentials, source: Source, now: float) -> bool:
        """A client that nominates aggressively names all our addresses in one round and keeps the first to answer."""
        if self.path is None or source == self.path or credentials is self.pending:
            return False
        return now - self._known.get(self.path, now - SETTLE_S) < SETTLE_S

    def _nominate(self, credentials: Credentials, source: Source) -> list[IceEvent]:
        events: list[IceEvent] = []
        if credentials is self.pending:
            events.append(Restarted(dropped=(self.credentials.ufrag,)))
            self.credentials, self.pending = credentials, None
        if source != self.path:
            events.append(PathNominated(source, moved=self.path is not None))
            self.path = source
        return events

    def _make_room(self) -> list[Source]:
        if len(self._known) < MAX_SOURCES:
            return []
        oldest = min((s for s in self._known if s != self.path), key=self._known.__getitem__)
        del self._known[oldest]
        return [oldest]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: to connect after the offer, until silence is noticed, until silence ends the call."""

    setup_s: float = 10.0
    silence_notice_s: float = 5.0
    silence_end_s: float = 30.0


ENDS = {
    "setup_timeout": "no media within the set-up deadline",
    "connection_lost": "nothing was heard from the client for too long",
    "client_closed": "the client said goodbye",
}
"""The verdicts of :class:`Presence` that end a call, with the sentence for a person."""


@dataclass(slots=True)
class Presence:
    """Whether the far end is still there: pure bookkeeping of when it was last heard (RTP, RTCP, STUN)."""

    deadlines: Deadlines
    created: float
    connected: bool = False
    heard: float = 0.0
    said_bye: float | None = None
    """When RTCP BYE came last."""

    def verdict(self, now: float) -> str:
        """One of ``waiting``, ``present``, ``silent``, ``setup_timeout``, ``connection_lost``, ``client_closed``."""
        if not self.connected:
            return "setup_timeout" if now - self.created >= self.deadlines.setup_s else "waiting"
        silence = now - self.heard
        if silence >= self.deadlines.silence_end_s:
            return "connection_lost"
        if silence < self.deadlines.silence_notice_s:
            return "present"
        # A browser says BYE for a stream that only rests (hold, no microphone): it is the end when it was the last word.
        return "client_closed" if self.heard == self.said_bye else "silent"
