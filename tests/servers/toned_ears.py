"""The server of the OpenAI transcription shape that really listens: it writes down the toned words of a file, and when.

A word that was cut in two is heard twice, one that was cut off is not heard.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import av
import numpy as np
from aiohttp import web
from av.audio.resampler import AudioResampler
from openai.types.audio import TranscriptionVerbose

from tests.servers import toned
from tests.servers.form import posted
from tests.servers.openai_speech_to_text import SpeechToTextServer, fields_of
from tests.servers.rest import dumped, running

RATE = 16000


@dataclass(frozen=True, slots=True)
class Heard:
    """One file: its bytes, its seconds, and its words: sentence, word, first and last millisecond."""

    size: int
    seconds: float
    words: tuple[tuple[int, int, int, int], ...]


class TonedEars(SpeechToTextServer):
    """``heard``: all files so far."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Heard] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = fields_of(await posted(request))
        self._check(form, translates=False)
        assert form["response_format"] == "verbose_json"
        heard = await asyncio.to_thread(listened, form.pop("file"))
        self.heard.append(heard)
        body = transcript(heard)
        TranscriptionVerbose.model_validate(body)
        return await self.answer(request, dumped(body), "application/json")


def name(sentence: int, word: int) -> str:
    """Return how a toned word is written."""
    return f"s{sentence}w{word}"


def listened(part: web.FileField) -> Heard:
    """Return what is in a file that was sent."""
    data = part.file.read()
    part.file.close()
    resampler = AudioResampler("s16", "mono", RATE)
    with av.open(io.BytesIO(data)) as file:
        frames = [made for frame in file.decode(audio=0) for made in resampler.resample(frame)]
    pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return Heard(len(data), len(pcm) / RATE, tuple(toned.words(pcm.tobytes(), RATE)))


def transcript(heard: Heard) -> dict[str, Any]:
    """Return it in the shape of ``verbose_json``: a segment for each sentence."""
    words = [{"word": name(each[0], each[1]), "start": each[2] / 1000, "end": each[3] / 1000} for each in heard.words]
    spoken = [list(group) for _, group in groupby(zip(heard.words, words, strict=True), lambda pair: pair[0][0])]
    segments = [_segment(number, [word for _, word in group]) for number, group in enumerate(spoken)]
    text = " ".join(word["word"] for word in words)
    told = {"task": "transcribe", "language": "english", "duration": heard.seconds, "text": text}
    return told | {"words": words, "segments": segments}


def _segment(number: int, words: Sequence[dict[str, Any]]) -> dict[str, Any]:
    figures = {"temperature": 0.0, "avg_logprob": -0.3, "compression_ratio": 1.2, "no_speech_prob": 0.01}
    times = {"seek": 0, "start": words[0]["start"], "end": words[-1]["end"]}
    return {"id": number, "text": " ".join(word["word"] for word in words), "tokens": [1], **times, **figures}


@asynccontextmanager
async def toned_ears() -> AsyncIterator[TonedEars]:
    """Run the server on a free port of 127.0.0.1."""
    async with running(TonedEars()) as server:
        yield server
