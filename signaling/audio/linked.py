"""``GET /v1/audio/files/{name}``: a file under its signed address, whole or in parts, for whoever has it; no key."""

from __future__ import annotations

from aiohttp import web

from mediaserver.errors import NotFound
from signaling.audio.links import Linked
from signaling.audio.ranges import Unsatisfiable, part, same
from signaling.door import DOOR

ROUTE = "/v1/audio/files/{name:[0-9a-f]{64}}.{extension:[a-z0-9]{2,5}}"

_FOR_ALL = {
    "Accept-Ranges": "bytes",
    "Access-Control-Allow-Origin": "*",  # whoever has the address may fetch it, a page of any origin too
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


async def fetch(request: web.Request) -> web.Response:
    """Answer with the file or a part of it. Raises Forbidden, NotFound."""
    house = request.app[DOOR].house
    if house is None or house.links is None:
        raise NotFound("there is nothing at this address")
    name, extension = request.match_info["name"], request.match_info["extension"]
    file = await house.links.open(name, extension, [*request.query.items()])
    headers = _FOR_ALL | {"ETag": file.etag, "Cache-Control": f"public, max-age={file.max_age}"}
    return _answer(request, file, headers)


def _answer(request: web.Request, file: Linked, headers: dict[str, str]) -> web.Response:
    asked, size = request.headers, len(file.body)
    if same(asked.get("If-None-Match", ""), file.etag):
        return web.Response(status=304, headers=headers)
    try:
        wanted = part(asked.get("Range", ""), asked.get("If-Range", ""), file.etag, size)
    except Unsatisfiable:
        refused = headers | {"Content-Range": f"bytes */{size}", "Cache-Control": "no-store"}
        return web.Response(status=416, headers=refused)
    if wanted is None:
        return web.Response(body=file.body, content_type=file.type, headers=headers)
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    body = file.body[wanted.start : wanted.stop]
    return web.Response(status=206, body=body, content_type=file.type, headers=headers)
