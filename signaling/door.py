"""What every route needs, in one place: made by ``signaling.app``, read by the handlers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from aiohttp import web

from mediaserver.bridge import BridgeFactory, Capabilities
from mediaserver.config import Config
from mediaserver.conversation.session import Session
from mediaserver.conversation.sessions import Sessions
from mediaserver.errors import NotFound, Overloaded
from mediaserver.gateway.keys import KeyRing, Principal
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort


@dataclass(frozen=True, slots=True)
class Way:
    """One model that callers may ask for: how its bridge is made, and what that can do."""

    make: BridgeFactory
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class House:
    """What is open while the server runs."""

    port: MediaPort
    sessions: Sessions
    ways: Mapping[str, Way]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the door: its peer, and whose it is."""

    peer: Peer
    owner: str


@dataclass(slots=True)
class Door:
    """The state of the HTTP side. ``accepting`` is what ``/readyz`` says."""

    config: Config
    keys: KeyRing
    web: Path
    accepting: bool = False
    house: House | None = None
    calls: WeakKeyDictionary[Session, Call] = field(default_factory=WeakKeyDictionary)
    reports: Counter[str] = field(default_factory=Counter)

    def open_house(self) -> House:
        """Return what new calls need. Raises Overloaded before it is open, when it is full, and while the server stops."""
        if self.house is None or not self.accepting:
            raise Overloaded("the server does not accept calls now", code="draining")
        self.house.sessions.check()
        return self.house

    def call(self, call_id: str, who: Principal) -> Call:
        """Return a call of this caller. Raises NotFound, the same for a call of another as for none."""
        session = self._session(call_id)
        call = self.calls.get(session) if session is not None else None
        if call is None or call.owner != who.name:
            raise NotFound("there is no such call", code="call_not_found", param="call_id")
        return call

    def _session(self, call_id: str) -> Session | None:
        try:
            return None if self.house is None else self.house.sessions.get(call_id)
        except NotFound:
            return None


DOOR: web.AppKey[Door] = web.AppKey("door", Door)
