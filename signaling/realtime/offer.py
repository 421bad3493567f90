"""The body of ``POST /v1/realtime/calls`` in all its forms: raw SDP, multipart, JSON. Read with limits, once.

SDKs and browsers differ in how they write the multipart form: parts with or without a filename or a content type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from msgspec import UNSET

from mediaserver.errors import BadRequest, RequestError, TooLarge, UnsupportedMedia
from signaling.realtime.parse import parse_object, typed
from signaling.realtime.wire import SessionPatch

READ_S = 5.0
MAX_SDP = 64 * 1024
MAX_PARTS = 8
SDP = "application/sdp"


@dataclass(frozen=True, slots=True)
class Offered:
    """What a caller offers: its SDP, and the session it wants."""

    sdp: str
    session: SessionPatch

    @property
    def model(self) -> str | None:
        """The model that the session names."""
        return self.session.model if self.session.model is not UNSET else None


async def read_offer(request: web.Request, limit: int) -> Offered:
    """Return the offer; ``limit`` is the largest body in bytes.

    Raises UnsupportedMedia, TooLarge before reading further than the limit, BadRequest with the path of what is wrong.
    """
    reader = _FORMS.get(request.content_type)
    if reader is None:
        raise UnsupportedMedia(f"send the offer as one of: {', '.join(_FORMS)}")
    _check_length(request, limit)
    async with asyncio.timeout(READ_S):
        return await reader(request, limit)


async def read_sdp(request: web.Request, limit: int) -> str:
    """Return the body of a request that must be plain SDP."""
    if request.content_type != SDP:
        raise UnsupportedMedia(f"send the offer as {SDP}")
    _check_length(request, limit)
    async with asyncio.timeout(READ_S):
        return _sdp(await _body(request, min(limit, MAX_SDP)))


def _check_length(request: web.Request, limit: int) -> None:
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(f"the request body is larger than {limit} bytes")


async def _plain(request: web.Request, limit: int) -> Offered:
    return Offered(_sdp(await _body(request, min(limit, MAX_SDP))), SessionPatch())


async def _json(request: web.Request, limit: int) -> Offered:
    said = parse_object(_text(await _body(request, limit), "body"))
    sdp = said.get("sdp")
    if not isinstance(sdp, str):
        raise BadRequest("the offer is missing", code="missing_required_parameter", param="sdp")
    session = typed(said["session"], SessionPatch, "session") if said.get("session") is not None else SessionPatch()
    return Offered(_sdp(sdp.encode(errors="surrogatepass")), session)


async def _multipart(request: web.Request, limit: int) -> Offered:
    try:
        parts = await _parts(request, limit)
    except (ValueError, AssertionError, RuntimeError, LookupError, HttpProcessingError):
        raise BadRequest("the multipart body is malformed") from None
    if "sdp" not in parts:
        raise BadRequest("the part 'sdp' is missing", code="missing_required_parameter", param="sdp")
    session = SessionPatch()
    if parts.get("session", b"").strip():
        session = typed(_session(parts["session"]), SessionPatch, "session")
    return Offered(_sdp(parts["sdp"]), session)


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
        content = await _take(part.read_chunk, left)
        left -= len(content)
        if part.name in ("sdp", "session"):
            parts.setdefault(part.name, bytes(part.decode(content)))
    raise BadRequest(f"the body has more than {MAX_PARTS} parts")


def _session(part: bytes) -> object:
    try:
        return parse_object(_text(part, "session"))
    except RequestError as error:
        error.param = "session"
        raise


async def _body(request: web.Request, limit: int) -> bytes:
    return await _take(request.content.readany, limit)


async def _take(read: Callable[[], Awaitable[bytes]], limit: int) -> bytes:
    taken = bytearray()
    while chunk := await read():
        taken += chunk
        if len(taken) > limit:
            raise TooLarge(f"more than {limit} bytes")
    return bytes(taken)


def _sdp(body: bytes) -> str:
    if len(body) > MAX_SDP:
        raise TooLarge(f"the offer is larger than {MAX_SDP} bytes", param="sdp")
    text = _text(body, "sdp")
    if not text.strip():
        raise BadRequest("the offer is empty", code="missing_required_parameter", param="sdp")
    return text


def _text(body: bytes, param: str) -> str:
    try:
        return body.decode()
    except UnicodeError:
        raise BadRequest("this is not UTF-8 text", param=param) from None


_FORMS: dict[str, Callable[[web.Request, int], Awaitable[Offered]]] = {
    SDP: _plain,
    "multipart/form-data": _multipart,
    "application/json": _json,
}
