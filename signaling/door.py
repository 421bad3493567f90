"""What every route needs, in one place: made by ``signaling.app``, read by the handlers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from mediaserver.audio.recorder import Recorder
from mediaserver.bridge import Capabilities
from mediaserver.cache.opening import Cached
from mediaserver.cluster.names import Names
from mediaserver.config import Config
from mediaserver.conversation.leg import Place
from mediaserver.conversation.memory import CallerMemory, Key
from mediaserver.conversation.session import Session
from mediaserver.conversation.sessions import Sessions
from mediaserver.conversation.support import Support
from mediaserver.errors import NotFound, Overloaded
from mediaserver.gateway.keys import KeyRing
from mediaserver.gateway.principal import Principal
from mediaserver.gateway.secrets import Secrets
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort
from mediaserver.telemetry.lag import LoopLag
from signaling.audio.batch.works import Works
from signaling.audio.links import AudioLinks
from signaling.audio.studio import Studio
from signaling.ended import EndedCalls
from signaling.realtime.effective import Effective
from signaling.relay import Relay
from signaling.visits import Visits


@dataclass(frozen=True, slots=True)
class Way:
    """One model that callers may ask for: who carries its calls, what the first of them can do, and what helps them."""

    route: Sequence[Place]
    capabilities: Capabilities
    support: Support = field(default_factory=Support)


@dataclass(frozen=True, slots=True)
class House:
    """What is open while the server runs."""

    port: MediaPort
    sessions: Sessions
    ways: Mapping[str, Way]
    lag: LoopLag = field(default_factory=LoopLag)
    recorder: Recorder | None = None
    cached: Cached | None = None
    links: AudioLinks | None = None
    studio: Studio | None = None
    works: Works | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the door: whose it is, and the client secret that opened it, if one did.

    ``peer`` is its media over WebRTC, ``None`` for other transports; ``effective`` gives the session as its client sees it.
    ``remembered``: as what a persona remembers it.
    """

    peer: Peer | None
    owner: str
    secret: str | None = None
    effective: Callable[[], Effective] | None = None
    remembered: Key | None = None

    def in_force(self, session: Session) -> Effective:
        """Return the session as its client sees it; for a client that sees none, by the settings of the session itself."""
        return Effective(session.settings) if self.effective is None else self.effective()


@dataclass(slots=True)
class Door:
    """The state of the HTTP side. ``accepting`` is what ``/readyz`` says; ``calls`` are those whose sessions run."""

    config: Config
    keys: KeyRing
    web: Path
    secrets: Secrets = field(default_factory=Secrets)
    visits: Visits = field(default_factory=Visits)
    names: Names = field(default_factory=Names)
    relay: Relay = field(default_factory=Relay)
    accepting: bool = False
    house: House | None = None
    calls: dict[Session, Call] = field(default_factory=dict)
    ended: EndedCalls = field(default_factory=EndedCalls)
    memory: CallerMemory = field(default_factory=CallerMemory)
    reports: Counter[str] = field(default_factory=Counter)

    def open_house(self) -> House:
        """Return what new calls need. Raises Overloaded before it is open, when it is full, and while the server stops."""
        if self.house is None or not self.accepting:
            raise Overloaded("the server does not accept calls now", code="draining")
        self.house.sessions.check()
        return self.house

    def call(self, call_id: str, who: Principal) -> Call:
        """Return a call of this caller. Raises NotFound, the same for a call of another as for none."""
        return self.live_call(call_id, who)[1]

    def live_call(self, call_id: str, who: Principal) -> tuple[Session, Call]:
        """Return a call of this caller with its session; a client secret reaches only the calls that it opened itself."""
        session = self._session(call_id)
        call = self.calls.get(session) if session is not None else None
        if session is None or call is None or call.owner != who.name:
            raise _no_call()
        if who.grant is not None and who.grant.secret != call.secret:
            raise _no_call()
        return session, call

    def ended_call(self, call_id: str, who: Principal) -> dict[str, Any]:
        """Return what is told of a call of this caller that has ended. Raises NotFound."""
        told = self.ended.find(call_id, who.name, None if who.grant is None else who.grant.secret)
        if told is None:
            raise _no_call()
        return told

    def _session(self, call_id: str) -> Session | None:
        try:
            return None if self.house is None else self.house.sessions.get(call_id)
        except NotFound:
            return None


def _no_call() -> NotFound:
    return NotFound("there is no such call", code="call_not_found", param="call_id")


DOOR: web.AppKey[Door] = web.AppKey("door", Door)
