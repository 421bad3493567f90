"""The body of ``POST /v1/realtime/calls`` in all its forms: raw SDP, multipart, JSON. Read with limits, once.

SDKs and browsers differ in how they write the multipart form: parts with or without a filename or a content type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from mediaserver.errors import BadRequest, RequestError, TooLarge, UnsupportedMedia
from signaling.body import READ_S, check_length, read_bytes, take, text_of
from signaling.realtime.beta import translate_session
from signaling.realtime.parse import parse_object, typed
from signaling.realtime.wire import SessionPatch

MAX_SDP = 64 * 1024
MAX_PARTS = 8
SDP = "application/sdp"


@dataclass(frozen=True, slots=True)
class Offered:
    """What a caller offers: its SDP, and the session it wants."""

    sdp: str
    session: SessionPatch

    @property
    def has_channels(self) -> bool:
        """Whether it offers data channels (RFC 8841 §5)."""
        return "webrtc-datachannel" in self.sdp


async def read_offer(request: web.Request, limit: int, *, beta: bool = False) -> Offered:
    """Return the offer; ``limit`` is the largest body in bytes, ``beta``: the session may be in the beta shape.

    Raises UnsupportedMedia, TooLarge before reading further than the limit, BadRequest with the path of what is wrong.
    """
    reader = _FORMS.get(request.content_type)
    if reader is None:
        raise UnsupportedMedia(f"send the offer as one of: {', '.join(_FORMS)}")
    sdp, session = await reader(request, limit)
    return Offered(sdp, read_session(session, beta=beta))


def read_session(said: object, *, beta: bool = False) -> SessionPatch:
    """Return a session that came with a request, an empty one for ``None``. Raises BadRequest below ``session``."""
    if said is None:
        return SessionPatch()
    return typed(translate_session(said) if beta and isinstance(said, dict) else said, SessionPatch, "session")


async def read_sdp(request: web.Request, limit: int) -> str:
    """Return the body of a request that must be plain SDP."""
    if request.content_type != SDP:
        raise UnsupportedMedia(f"send the offer as {SDP}")
    return _sdp(await read_bytes(request, min(limit, MAX_SDP)))


async def _plain(request: web.Request, limit: int) -> tuple[str, None]:
    return await read_sdp(request, limit), None


async def _json(request: web.Request, limit: int) -> tuple[str, object]:
    said = parse_object(text_of(await read_bytes(request, limit), "body"))
    sdp = said.get("sdp")
    if not isinstance(sdp, str):
        raise BadRequest("the offer is missing", code="missing_required_parameter", param="sdp")
    return _sdp(sdp.encode(errors="surrogatepass")), said.get("session")


async def _multipart(request: web.Request, limit: int) -> tuple[str, object]:
    check_length(request, limit)
    try:
        async with asyncio.timeout(READ_S):
            parts = await _parts(request, limit)
    except (ValueError, AssertionError, RuntimeError, LookupError, HttpProcessingError):
        raise BadRequest("the multipart body is malformed") from None
    if "sdp" not in parts:
        raise BadRequest("the part 'sdp' is missing", code="missing_required_parameter", param="sdp")
    session = _session(parts["session"]) if parts.get("session", b"").strip() else None
    return _sdp(parts["sdp"]), session


async def _parts(request: web.Request, limit: int) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    left = limit
    reader = await request.multipart()
    for _ in range(MAX_PARTS):
        part = await reader.next()
        if part is None:
            return parts
        if not isinstance(part, BodyPartReader):
            raise BadRequest("a part of the body is itself multipart")
        content = await take(part.read_chunk, left)
        left -= len(content)
        if part.name in ("sdp", "session"):
            parts.setdefault(part.name, bytes(part.decode(content)))
    raise BadRequest(f"the body has more than {MAX_PARTS} parts")


def _session(part: bytes) -> object:
    try:
        return parse_object(text_of(part, "session"))
    except RequestError as error:
        error.param = "session"
        raise


def _sdp(body: bytes) -> str:
    if len(body) > MAX_SDP:
        raise TooLarge(f"the offer is larger than {MAX_SDP} bytes", param="sdp")
    text = text_of(body, "sdp")
    if not text.strip():
        raise BadRequest("the offer is empty", code="missing_required_parameter", param="sdp")
    return text


_FORMS: dict[str, Callable[[web.Request, int], Awaitable[tuple[str, object]]]] = {
    SDP: _plain,
    "multipart/form-data": _multipart,
    "application/json": _json,
}
