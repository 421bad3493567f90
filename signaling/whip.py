"""WHIP (RFC 9725): one-way ingest. The model hears what is published; nothing is ever sent back on the media.

What becomes of it is on the call's other channels: a sideband reads the transcripts and whatever the model says to them.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from mediaserver.caller import Listener
from mediaserver.conversation.session import Session
from mediaserver.errors import NotFound, RequestError, UnsupportedMedia
from mediaserver.events import Event, SessionCreated, SessionUpdated
from mediaserver.rtc.description import Terms
from mediaserver.rtc.fragment import read_fragment
from mediaserver.rtc.peer import Peer
from mediaserver.settings import Settings
from signaling.auth import authenticate
from signaling.body import read_bytes, text_of
from signaling.door import DOOR, House
from signaling.realtime.effective import Effective
from signaling.realtime.offer import SDP, read_sdp
from signaling.realtime.opening import admit, begin_on_media
from signaling.realtime.wire import SessionPatch

FRAGMENT = "application/trickle-ice-sdpfrag"
TERMS = Terms(ingest=True)


class PreconditionRequired(RequestError):
    """A fragment that does not say which ICE session it is about (428, RFC 9725 §4.3.1)."""

    status = 428
    code = "precondition_required"


class PreconditionFailed(RequestError):
    """A fragment about an ICE session that is over (412)."""

    status = 412
    code = "precondition_failed"


class Unprocessable(RequestError):
    """A fragment that asks for what it cannot (422)."""

    status = 422
    code = "unprocessable"


class Silent:
    """Satisfies :class:`mediaserver.caller.Dialect` for a caller that only speaks: it is told nothing, and asks nothing.

    What is in force is remembered for those who read the session from outside.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def effective(self) -> Effective:
        """Return the session as a client would see it."""
        return Effective(self._settings)

    def attach(self, listener: Listener) -> None:
        """Nobody takes commands."""

    def opened(self, label: str, send: Callable[[str], None]) -> None:
        """Channels are left alone."""

    def received(self, label: str, text: str | bytes) -> None:
        """Messages are left alone."""

    def closed(self, label: str) -> None:
        """There was none."""

    def tell(self, event: Event) -> None:
        """Remember what is in force; there is nobody to tell."""
        if isinstance(event, SessionCreated | SessionUpdated):
            self._settings = event.settings


async def options(_request: web.Request) -> web.Response:
    """``OPTIONS``: what may be posted here (RFC 9725 §4.2)."""
    return web.Response(headers={"Accept-Post": SDP})


async def publish(request: web.Request) -> web.Response:
    """``POST /whip``: 201, an answer that only receives, and where the session is."""
    door, who = request.app[DOOR], authenticate(request, "calls:create")
    sdp = await read_sdp(request, door.config.server.max_body)
    admitted = admit(door, who, SessionPatch(), request.query.get("model"))
    dialect = Silent(admitted.effective.settings)
    peer, answer = door.open_house().port.accept(sdp, dialect, call_id=door.names.new("rtc"), terms=TERMS)
    await begin_on_media(door, admitted, peer, peer, dialect.effective)
    headers = {"Location": f"/whip/{peer.id}", "ETag": _etag(peer)}
    return web.Response(status=201, body=answer.encode(), content_type=SDP, headers=headers)


async def look(request: web.Request) -> web.Response:
    """``GET``: the session is there; there is nothing to read (RFC 9725 §4.2)."""
    _published(request)
    return web.Response(status=204)


async def change(request: web.Request) -> web.Response:
    """``PATCH``: candidates are acknowledged (204), new credentials restart ICE (200 and a fragment of ours)."""
    house, _, peer = _published(request)
    matches = _precondition(request)
    fragment = read_fragment(await _fragment(request))
    if "*" in matches:
        answer = house.port.restart(peer, fragment.ufrag, fragment.pwd)
        headers = {"ETag": _etag(peer)}
        return web.Response(body=answer.encode(), content_type=FRAGMENT, headers=headers)
    if _etag(peer) not in matches:
        raise PreconditionFailed("this ICE session is over: its ETag is another one now")
    latest = peer.agent.latest
    if (fragment.ufrag, fragment.pwd) != (latest.remote_ufrag, latest.remote_pwd):
        raise Unprocessable("other ICE credentials restart ICE, which is asked for with 'If-Match: *'")
    return web.Response(status=204)


async def unpublish(request: web.Request) -> web.Response:
    """``DELETE``: 200 when the session is ending."""
    house, session, _ = _published(request)
    await house.sessions.hang_up(session.caller.id, "client_closed")
    return web.Response()


def _published(request: web.Request) -> tuple[House, Session, Peer]:
    """Return a session of this door and of this caller; calls of other doors are none."""
    door, who = request.app[DOOR], authenticate(request, "calls:create")
    session, call = door.live_call(request.match_info["call_id"], who)
    if door.house is None or call.peer is None or not call.peer.offer.terms.ingest:
        raise NotFound("there is no such session", code="call_not_found")
    return door.house, session, call.peer


def _etag(peer: Peer) -> str:
    """Name the ICE session: our fragment is new in each of them, and known to the client anyway."""
    return f'"{peer.agent.latest.ufrag}"'


def _precondition(request: web.Request) -> list[str]:
    given = request.headers.getall("If-Match", [])
    if not given:
        raise PreconditionRequired("say which ICE session this is about: If-Match")
    return [name.strip() for name in ",".join(given).split(",")]


async def _fragment(request: web.Request) -> str:
    if request.content_type != FRAGMENT:
        raise UnsupportedMedia(f"send the fragment as {FRAGMENT}")
    return text_of(await read_bytes(request, request.app[DOOR].config.server.max_body))
