"""One item of a batch is done as the same request by itself would be."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from io import BufferedWriter
from pathlib import Path

from mediaserver.audio.speechfile import FORMATS
from mediaserver.tasks import opened_beside
from signaling.audio.asked import TRANSCRIBE, TRANSLATE, read_wanted
from signaling.audio.batch.book import SPEECH, TRANSLATIONS, Spec
from signaling.audio.form import Fields
from signaling.audio.shapes import body
from signaling.audio.speech import nothing_spoken
from signaling.audio.studio import Studio
from signaling.audio.transcriptions import tell
from signaling.audio.upload import Received
from signaling.audio.voicing import voiced
from signaling.audio.wish import read_wish
from signaling.audio.writing import written


async def do(studio: Studio, spec: Spec, given: Path, out: Path) -> str:
    """Write what comes out, and return its content type. Raises RequestError, BridgeError, MediaError, OSError."""
    async with asyncio.timeout(studio.config.answer_s):
        return await (_spoken if spec.endpoint == SPEECH else _written)(studio, spec, given, out)


async def _spoken(studio: Studio, spec: Spec, given: Path, out: Path) -> str:
    wish = read_wish(await asyncio.to_thread(given.read_bytes), studio.config.max_characters)
    speaking = await studio.speaker(spec.principal, wish)
    async with (
        aclosing(voiced(speaking.engine, wish, speaking.voice, speaking.preset, studio.encoding)) as made,
        opened_beside(lambda: out.open("wb"), BufferedWriter.close) as file,
    ):
        async for piece in made:
            await asyncio.to_thread(file.write, piece)
        if not file.tell():
            raise nothing_spoken()
    return FORMATS[wish.response_format]


async def _written(studio: Studio, spec: Spec, given: Path, out: Path) -> str:
    wanted = read_wanted(Fields(spec.fields), TRANSLATE if spec.endpoint == TRANSLATIONS else TRANSCRIBE)
    size = (await asyncio.to_thread(given.stat)).st_size
    job = await studio.job(spec.principal, wanted, Received(given, size, ""))
    told = tell(await written(job), wanted)
    text, content_type = await asyncio.to_thread(body, told, wanted.form)
    await asyncio.to_thread(out.write_text, text)
    return content_type
