"""``/v1/audio/batches``: many texts or files in one request; how far they are; their results, one by one.

Texts come as ``{"requests": [{"custom_id", "body"}]}`` or as JSON lines of OpenAI's batch form (``custom_id``, ``method``,
``url``, ``body``), where ``body`` is that of ``/v1/audio/speech``. Files come as a multipart form with several ``file`` and
the fields of ``/v1/audio/transcriptions`` (or of translations, with ``task=translate``), which hold for all of them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from mediaserver.errors import BadRequest, NotFound, TooSlow, UnsupportedMedia
from mediaserver.gateway.permissions import permit_model
from mediaserver.gateway.principal import Principal
from signaling.audio.asked import REFUSED, TRANSCRIBE, TRANSLATE, fitted, read_wanted
from signaling.audio.batch.book import SPEECH, TRANSCRIPTIONS, TRANSLATIONS, Book, Spec
from signaling.audio.batch.journal import save
from signaling.audio.batch.works import Works
from signaling.audio.entering import answered, enter
from signaling.audio.form import Fields
from signaling.audio.studio import Studio
from signaling.audio.upload import MULTIPART, Bounds, read_form
from signaling.audio.wish import wish_of
from signaling.body import check_length, take
from signaling.door import DOOR
from signaling.realtime.parse import refusal

MAX_JSON = 32 * 1024 * 1024
LINES = frozenset({"application/jsonl", "application/x-ndjson", "application/x-jsonlines"})


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """One text; ``method`` and ``url`` as OpenAI's batches have them."""

    body: dict[str, Any]
    custom_id: str = ""
    method: Literal["POST"] = "POST"
    url: Literal["/v1/audio/speech"] = "/v1/audio/speech"


class Whole(Struct, frozen=True, forbid_unknown_fields=True):
    """Texts as one JSON object."""

    requests: list[Asked]
    endpoint: Literal["/v1/audio/speech"] = "/v1/audio/speech"


async def create(request: web.Request) -> web.StreamResponse:
    """Take in a batch: 201, and the batch."""
    who, studio, works = _enter(request)
    works.check(who)
    with studio.batching.entered():
        return await answered(request, who, _created(request, who, studio, works))


async def show(request: web.Request) -> web.Response:
    """Tell how far a batch is, and which results are ready."""
    who, _, works = _enter(request)
    return web.json_response(_shape(works.find(request.match_info["batch_id"], who), works))


async def list_batches(request: web.Request) -> web.Response:
    """Tell all batches of this key, newest first, without their results."""
    who, _, works = _enter(request)
    data = [_shape(book, works) for book in works.of(who)]
    for each in data:
        del each["results"]
    return web.json_response({"object": "list", "data": data, "has_more": False})


async def cancel(request: web.Request) -> web.Response:
    """Begin no more items of a batch."""
    who, _, works = _enter(request)
    book = works.find(request.match_info["batch_id"], who)
    await works.cancel(book)
    return web.json_response(_shape(book, works))


async def delete(request: web.Request) -> web.Response:
    """Delete a batch with its results."""
    who, _, works = _enter(request)
    book = works.find(request.match_info["batch_id"], who)
    await works.remove(book)
    return web.json_response({"id": book.spec.id, "object": "audio.batch.deleted", "deleted": True})


async def result(request: web.Request) -> web.StreamResponse:
    """Give the result of one item: the sound, or the transcript. Raises NotFound while it is not there."""
    who, _, works = _enter(request)
    book = works.find(request.match_info["batch_id"], who)
    said = request.match_info["index"]
    line = book.done.get(int(said)) if said.isascii() and said.isdigit() and len(said) < 9 else None
    if line is None or line.status != "completed" or line.index is None:
        raise NotFound("there is no such result, or not yet: the batch says which are ready", code="result_not_found")
    path = works.shelf.result(book.spec.id, line.index)
    return web.FileResponse(path, headers={"Content-Type": line.content_type})


def _enter(request: web.Request) -> tuple[Principal, Studio, Works]:
    who, studio = enter(request)
    house = request.app[DOOR].house
    if house is None or house.works is None:
        raise BadRequest(
            "this server takes no batches: its configuration gives no folder for them (audio.batch.folder)",
            code="batches_disabled",
        )
    return who, studio, house.works


def _shape(book: Book, works: Works) -> dict[str, Any]:
    return book.shape(works.wall(), f"/v1/audio/batches/{book.spec.id}")


# --- making one -------------------------------------------------------------------------------------------------------


async def _created(request: web.Request, who: Principal, studio: Studio, works: Works) -> web.Response:
    name = request.app[DOOR].names.new("batch")
    with works.shelf.making(name) as inputs:
        if request.content_type == MULTIPART:
            endpoint, names, fields = await _files(request, who, studio, inputs)
        else:
            endpoint, names, fields = await _texts(request, who, studio, inputs)
        now = int(works.wall())
        models = None if who.models is None else tuple(sorted(who.models))
        expires = now + int(works.config.keep_s)
        book = await works.add(Spec(name, who.name, endpoint, now, expires, names, models, fields))
    return web.json_response(_shape(book, works), status=201)


Made = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]
"""The endpoint, the clients' names of the items, and the fields for all of them."""


async def _files(request: web.Request, who: Principal, studio: Studio, inputs: Path) -> Made:
    how = studio.config
    bounds = Bounds(how.max_upload, how.upload_s, how.batch.max_items, how.batch.max_bytes, refused=REFUSED)
    form = await read_form(request, inputs, bounds)
    task = form.fields.text("task") or TRANSCRIBE
    if task not in (TRANSCRIBE, TRANSLATE):
        raise BadRequest("'task' is transcribe or translate", code="invalid_value", param="task")
    if not form.files:
        raise BadRequest("there is no file: send some in 'file'", code="missing_required_parameter", param="file")
    pairs = form.fields.pairs(without="task")
    await _check_files(who, studio, pairs, task)
    endpoint = TRANSLATIONS if task == TRANSLATE else TRANSCRIPTIONS
    return endpoint, tuple(file.name for file in form.files), pairs


async def _check_files(who: Principal, studio: Studio, pairs: tuple[tuple[str, str], ...], task: str) -> None:
    wanted = read_wanted(Fields(pairs), task)
    if wanted.stream:
        raise BadRequest("a batch is not streamed: leave 'stream' out", code="invalid_value", param="stream")
    model = studio.engines.transcription(wanted.model)
    permit_model(who, model)
    fitted(wanted, (await studio.engines.files(model)).file_features, model)


async def _texts(request: web.Request, who: Principal, studio: Studio, inputs: Path) -> Made:
    asked = _asked(request.content_type, await _body(request, studio.config.upload_s))
    if not 1 <= len(asked) <= studio.config.batch.max_items:
        raise BadRequest(
            f"a batch has 1 to {studio.config.batch.max_items} texts, and this one {len(asked)}",
            code="invalid_value",
            param="requests",
        )
    for index, each in enumerate(asked):
        _check_text(who, studio, each, f"requests[{index}].body")
    await asyncio.to_thread(_save, inputs, asked)
    return SPEECH, tuple(each.custom_id[:256] for each in asked), ()


def _check_text(who: Principal, studio: Studio, asked: Asked, where: str) -> None:
    wish = wish_of(asked.body, studio.config.max_characters, where)
    permit_model(who, studio.engines.speech(wish.model))
    if wish.stream_format != "audio":
        param = f"{where}.stream_format"
        raise BadRequest("a batch is not streamed: leave 'stream_format' out", code="invalid_value", param=param)


async def _body(request: web.Request, seconds: float) -> bytes:
    check_length(request, MAX_JSON)
    try:
        async with asyncio.timeout(seconds):
            return await take(request.content.readany, MAX_JSON)
    except TimeoutError:
        raise TooSlow("the body did not come in time") from None


def _asked(content_type: str, body: bytes) -> list[Asked]:
    if content_type != "application/json" and content_type not in LINES:
        raise UnsupportedMedia(f"send texts as application/json or application/jsonl, files as {MULTIPART}")
    try:
        if content_type == "application/json":
            return msgspec.json.decode(body, type=Whole).requests
        return msgspec.json.Decoder(Asked).decode_lines(body)
    except msgspec.ValidationError as problem:
        raise refusal(str(problem)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("the body is not valid JSON", code="invalid_json") from None


def _save(inputs: Path, asked: list[Asked]) -> None:
    for index, each in enumerate(asked):
        save(inputs / f"{index:06d}", [msgspec.json.encode(each.body)])
