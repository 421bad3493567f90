"""``POST /v1/audio/transcriptions`` and ``/translations``: a file becomes text (OpenAI API reference, "Audio").

Azure's addresses are understood too; in ``/openai/deployments/{name}/audio/…`` the deployment is the model.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from mediaserver.cache.control import read_control
from mediaserver.errors import BadRequest
from mediaserver.gateway.principal import Principal
from mediaserver.speech import FileTranscript
from signaling.audio.asked import REFUSED, TRANSCRIBE, TRANSLATE, Wanted, read_wanted
from signaling.audio.entering import answered, enter
from signaling.audio.failures import FAILURES, error_event
from signaling.audio.scratch import scratch
from signaling.audio.shapes import Told, body, delta_event, done_event, lettered, segment_event
from signaling.audio.sse import LAST, event, event_stream
from signaling.audio.studio import Studio
from signaling.audio.upload import Bounds, Received, read_form
from signaling.audio.writing import Job, written


async def transcribe(request: web.Request) -> web.StreamResponse:
    """Write down what is said in a file."""
    return await _enter(request, TRANSCRIBE)


async def translate(request: web.Request) -> web.StreamResponse:
    """Write down in English what is said in a file."""
    return await _enter(request, TRANSLATE)


async def _enter(request: web.Request, task: str) -> web.StreamResponse:
    who, studio = enter(request)
    with studio.transcribing.entered():
        return await answered(request, who, _received(request, who, studio, task))


async def _received(request: web.Request, who: Principal, studio: Studio, task: str) -> web.StreamResponse:
    async with scratch() as folder:
        bounds = Bounds(studio.config.max_upload, studio.config.upload_s, refused=REFUSED)
        form = await read_form(request, folder, bounds)
        wanted = read_wanted(form.fields, task, request.match_info.get("deployment", ""))
        control = read_control(request.headers.get("Cache-Control", ""))
        job = await studio.job(who, wanted, the_file(form.files), control)
        async with asyncio.timeout(studio.config.answer_s):
            return await (_streamed(request, job, wanted) if wanted.stream else _whole(job, wanted))


def the_file(files: tuple[Received, ...]) -> Received:
    """Return the one file of a request. Raises BadRequest."""
    if not files:
        raise BadRequest("the file is missing: send it in 'file'", code="missing_required_parameter", param="file")
    return files[0]


async def _whole(job: Job, wanted: Wanted) -> web.Response:
    told = tell(await written(job), wanted)
    text, content_type = await asyncio.to_thread(body, told, wanted.form)  # two hours of words take a while
    return web.Response(text=text, content_type=content_type, charset="utf-8")


def tell(transcript: FileTranscript, wanted: Wanted) -> Told:
    """Return a transcript and how it was asked for."""
    return Told(
        transcript,
        transcript.duration or 0.0,
        task=wanted.task,
        words=wanted.words,
        segments=wanted.segments,
        temperature=wanted.temperature or 0.0,
        languages=wanted.languages,
    )


async def _streamed(request: web.Request, job: Job, wanted: Wanted) -> web.StreamResponse:
    """Send text as it is written. What fails before the first of it is an answer of its own, later it is an event."""
    stream = _Stream(request)
    try:
        told = tell(await written(job, stream.delta), wanted)
    except FAILURES as problem:
        if not stream.begun:
            raise
        return await stream.end(event(error_event(problem)))
    if wanted.form == "diarized_json":
        for number, segment in enumerate(lettered(told.transcript).segments, 1):
            await stream.send(event(segment_event(number, segment)))
    return await stream.end(event(done_event(told)))


class _Stream:
    """A response of events that begins with the first of them."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response = event_stream()

    @property
    def begun(self) -> bool:
        return self._response.prepared

    async def delta(self, text: str) -> None:
        await self.send(event(delta_event(text)))

    async def send(self, data: bytes) -> None:
        if not self.begun:
            await self._response.prepare(self._request)
        await self._response.write(data)

    async def end(self, last: bytes) -> web.StreamResponse:
        await self.send(last + LAST)
        await self._response.write_eof()
        return self._response
