"""The voice page: its files, what it must know before a call, and what browsers report of its policy."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from mediaserver import __version__
from mediaserver.errors import BadRequest, NotFound
from mediaserver.gateway.keys import DEVELOPMENT_KEY
from signaling.auth import from_here
from signaling.door import DOOR, Door

log = logging.getLogger(__name__)

MAX_REPORT = 16 * 1024
MAX_KINDS = 64
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}
_DIRECTIVE = re.compile(r"[a-z-]{1,40}")


async def index(request: web.Request) -> web.StreamResponse:
    """``GET /``: the page."""
    return _file(request.app[DOOR].web, "index.html")


async def static(request: web.Request) -> web.StreamResponse:
    """``GET /static/<path>``: one of its files, revalidated by its ETag."""
    return _file(request.app[DOOR].web, request.match_info["path"])


def _file(root: Path, name: str) -> web.FileResponse:
    if "\0" in name or any(part.startswith((".", "_")) for part in Path(name).parts):
        raise NotFound("there is no such file")
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        raise NotFound("there is no such file")
    response = web.FileResponse(path, headers={"Cache-Control": "no-cache"})
    if kind := _TYPES.get(path.suffix):
        response.content_type = kind
    return response


async def facts(request: web.Request) -> web.Response:
    """``GET /page.json``: models, the development key for callers on this machine, limits."""
    door = request.app[DOOR]
    key = DEVELOPMENT_KEY if door.config.development_key.enabled and from_here(request) else None
    return web.json_response(
        {
            "version": __version__,
            "models": _models(door),
            "default_model": door.config.default_model,
            "key": key,
            "key_needed": key is None,
            "https_url": _https_url(door),
            "limits": {"max_duration_s": door.config.sessions.max_duration_s},
        }
    )


def _models(door: Door) -> list[dict[str, Any]]:
    if door.house is None:
        return []
    return [
        {
            "name": name,
            "description": door.config.models[name].description,
            "voices": list(way.capabilities.voices),
            "tools": way.capabilities.tools,
            "turns": way.capabilities.turns,
        }
        for name, way in door.house.ways.items()
    ]


def _https_url(door: Door) -> str | None:
    url = door.config.server.public_url
    return url if url.startswith("https://") else None


async def report(request: web.Request) -> web.Response:
    """``POST /csp-report``: a browser refused something; counted, and logged once per kind."""
    body = await request.content.read(MAX_REPORT + 1)
    if len(body) > MAX_REPORT:
        raise BadRequest("the report is too long")
    kind = _kind(body)
    reports = request.app[DOOR].reports
    if kind in reports or len(reports) < MAX_KINDS:
        reports[kind] += 1
        if reports[kind] == 1:
            log.warning("a browser refused something on our page", extra={"kind": kind})
    return web.Response(status=204)


def _kind(body: bytes) -> str:
    """Return the directive of a report: from ``report-uri`` or, in an array, from the Reporting API."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "unreadable"
    said = said[0] if isinstance(said, list) and said else said
    said = said.get("csp-report", said.get("body")) if isinstance(said, dict) else None
    if not isinstance(said, dict):
        return "unreadable"
    directive = said.get("effective-directive") or said.get("effectiveDirective") or said.get("violated-directive")
    return directive if isinstance(directive, str) and _DIRECTIVE.fullmatch(directive) else "other"
