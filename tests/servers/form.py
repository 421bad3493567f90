"""A form that was posted, read so that a client who goes away in the middle leaves no temporary file behind.

``request.post()`` puts files into temporary ones, and closes none when it is cancelled.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any, cast

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from multidict import CIMultiDictProxy, MultiDict


async def posted(request: web.Request) -> MultiDict[Any]:
    """Return the fields of a multipart form: text, or a ``FileField`` whose file is in memory."""
    body = await request.read()
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), len(body) + 1, loop=loop)  # all of it is here: nobody is to be held back
    stream.feed_data(body)
    stream.feed_eof()
    form: MultiDict[Any] = MultiDict()
    async for part in MultipartReader(request.headers, stream):
        assert isinstance(part, BodyPartReader)
        data, name = bytes(await part.read(decode=True)), part.name or ""
        form.add(name, data.decode() if part.filename is None else _file(part, name, data))
    return form


def _file(part: BodyPartReader, name: str, data: bytes) -> web.FileField:
    kind = part.headers.get("Content-Type", "application/octet-stream")
    file = cast(io.BufferedReader, io.BytesIO(data))
    return web.FileField(name, part.filename or "", file, kind, cast("CIMultiDictProxy[str]", part.headers))
