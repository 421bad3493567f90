"""How every door of the contract begins a call: which model, with which session, within whose rights."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from msgspec import UNSET

from mediaserver.caller import Caller
from mediaserver.clock import monotonic
from mediaserver.config import Config
from mediaserver.conversation.memory import Key
from mediaserver.conversation.session import Session
from mediaserver.errors import Forbidden, NotFound, Overloaded, RequestError, Unauthenticated
from mediaserver.events import Problem
from mediaserver.gateway.permissions import permit_model, permit_settings
from mediaserver.gateway.principal import Principal
from mediaserver.personas import personified
from mediaserver.rtc.peer import Peer
from mediaserver.settings import Settings, Transcription, TurnDetection
from signaling.door import Call, Door, Way
from signaling.realtime.effective import Effective
from signaling.realtime.reader import Terms
from signaling.realtime.wire import SessionPatch
from signaling.socket import Socket

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may begin: who calls, which model, the session as it begins, and as what it will be remembered."""

    who: Principal
    model: str
    way: Way
    effective: Effective
    remembered: Key | None = None

    def terms(self, *, sound: bool = False, beta: bool = False) -> Terms:
        """Return what its client may say."""
        return terms_of(self.who, sound=sound, beta=beta)


def terms_of(who: Principal, *, sound: bool = False, beta: bool = False) -> Terms:
    """Return what a client of this principal may say: within the grant of its secret, if it holds one."""
    if who.grant is None:
        return Terms(sound=sound, beta=beta)

    def permit(settings: Settings) -> None:
        permit_settings(who, settings)

    def model(name: str) -> None:
        permit_model(who, name)

    return Terms(sound=sound, beta=beta, permit=permit, permit_model=model)


def admit(door: Door, who: Principal, session: SessionPatch, model: str | None = None) -> Admitted:
    """Return the call that a client asks for with this session; ``model`` is the one that its URL names.

    What a client secret holds comes before what its holder says. Raises NotFound, Forbidden, BadRequest with the path
    below ``session``, Unauthenticated for a client secret that is used up, and Overloaded while there is no house.
    """
    baked = _baked(who)
    name = _named(session) or model or _named(baked) or door.config.default_model
    way = door.open_house().ways.get(name)
    if way is None:
        raise NotFound("this model does not exist", code="model_not_found", param="model")
    permit_model(who, name)
    door.secrets.check(who)
    tools = way.support.tools
    servers = () if tools is None else tuple(tools.servers)
    settings = _within(who, defaults(door.config, name, way))
    personas = door.config.personas
    asked = Effective(settings, servers=servers, personas=personas, persona=door.config.models[name].persona)
    effective = merged(merged(asked, baked), session)
    _permit(who, effective.settings)
    return _as_persona(door, Admitted(who, name, way, effective))


def _as_persona(door: Door, admitted: Admitted) -> Admitted:
    """Give a call its persona's tools, and what it remembers of the caller."""
    who, way, effective = admitted.who, admitted.way, admitted.effective
    persona = door.config.personas.get(effective.persona)
    if persona is None:
        return admitted
    tools = way.support.tools
    if persona.tools is not None and tools is not None:
        admitted = replace(admitted, way=replace(way, support=replace(way.support, tools=tools.only(persona.tools))))
    if not (persona.memory and who.memory and who.caller):
        return admitted
    key = (who.name, effective.persona, who.caller)
    told = (effective.settings.instructions, door.memory.recall(key, monotonic()))
    settings = replace(effective.settings, instructions="\n\n".join(text for text in told if text))
    return replace(admitted, effective=replace(effective, settings=settings), remembered=key)


async def begin_on_media(
    door: Door, admitted: Admitted, caller: Caller, peer: Peer, effective: Callable[[], Effective]
) -> None:
    """Start the session of a call whose offer was answered; a caller that gets none is closed.

    Raises Overloaded, and Unauthenticated for a client secret that has opened its last call.
    """
    try:
        _begin(door, admitted, caller, peer, effective)
    except BaseException:
        await caller.close("server_shutdown")  # nobody else knows of it yet
        raise


async def serve_on_socket(
    door: Door,
    admitted: Admitted,
    caller: Caller,
    socket: Socket,
    effective: Callable[[], Effective] | None = None,
) -> None:
    """Start the session of a call whose WebSocket is open and wait until it is over; one that gets none is told why."""
    try:
        session = _begin(door, admitted, caller, None, effective)
    except (Overloaded, Unauthenticated) as refused:  # between the handshake and now the house was filled
        caller.tell(Problem(refused.message, refused.code, refused.type))
        await socket.refuse(refused)
        return
    await session.gone.wait()


def _begin(
    door: Door, admitted: Admitted, caller: Caller, peer: Peer | None, effective: Callable[[], Effective] | None
) -> Session:
    """Start the session of an admitted call, and know whose it is. Raises what :func:`begin_on_media` raises."""
    house, who = door.open_house(), admitted.who
    door.secrets.use(who)
    limits = house.sessions.limits
    if who.grant is not None and who.grant.max_duration_s is not None:
        longest = min(who.grant.max_duration_s, limits.max_duration_s or who.grant.max_duration_s)
        limits = replace(limits, max_duration_s=longest)
    way = admitted.way
    support = way.support
    if house.cached is not None:
        support = replace(support, remember=partial(house.cached.spoken.of, who.name))
    session = house.sessions.start(caller, admitted.effective.settings, way.route, limits, support)
    secret = None if who.grant is None else who.grant.secret
    door.calls[session] = Call(peer, who.name, secret, effective, admitted.remembered)
    log.info("a call was made", extra={"call_id": caller.id, "model": admitted.model, "principal": who.name})
    return session


def defaults(config: Config, model: str, way: Way) -> Settings:
    """Return the settings of a session whose client asks for nothing."""
    chosen, turns = config.models[model], config.turns
    detection = TurnDetection(
        kind=turns.detection if turns.detection != "off" else "server_vad",
        threshold=turns.threshold,
        prefix_padding_ms=turns.prefix_padding_ms,
        silence_duration_ms=turns.silence_duration_ms,
        interrupt_response=turns.interrupt_response,
        eagerness=turns.eagerness,
    )
    settings = Settings(
        model,
        instructions=chosen.instructions,
        voice=chosen.voice or next(iter(way.capabilities.voices), ""),
        transcription=Transcription(),
        turn_detection=None if turns.detection == "off" else detection,
    )
    return personified(settings, config.personas[chosen.persona]) if chosen.persona else settings


def merged(effective: Effective, session: SessionPatch) -> Effective:
    """Return what is in force when the call begins. Raises BadRequest with the path below ``session``."""
    try:
        return effective.merged(session)
    except RequestError as error:
        error.param = f"session.{error.param}" if error.param else "session"
        raise


def _baked(who: Principal) -> SessionPatch:
    session = None if who.grant is None else who.grant.session
    return session if isinstance(session, SessionPatch) else SessionPatch()


def _named(session: SessionPatch) -> str | None:
    return None if session.model is UNSET else session.model


def _within(who: Principal, settings: Settings) -> Settings:
    """A session that names no voice gets the first that its secret grants."""
    voices = None if who.grant is None else who.grant.voices
    return settings if not voices or settings.voice in voices else replace(settings, voice=voices[0])


def _permit(who: Principal, settings: Settings) -> None:
    try:
        permit_settings(who, settings)
    except Forbidden as error:
        error.param = f"session.{error.param}"
        raise
