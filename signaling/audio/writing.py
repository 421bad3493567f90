"""A file becomes a transcript: the one place where the audio API has engines write down files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from mediaserver.audio.files import Decoded, DecodeLimits, decoded
from mediaserver.audio.presets import BALANCED, Preset
from mediaserver.audio.processing import NONE, Processing
from mediaserver.errors import BadRequest, BridgeError
from mediaserver.speech import FileToText, FileTranscript, SpokenSegment
from mediaserver.transcripts.stitching import stitched
from signaling.audio.asked import Fitted
from signaling.audio.cues import segments_of
from signaling.audio.pieces import Piece, longest, plan, taken

Emit = Callable[[str], Awaitable[None]]
"""Takes text as it is written; together it is all of it."""

NOTHING = FileTranscript("")


@dataclass(frozen=True, slots=True)
class Job:
    """One file for one engine; ``at_once`` pieces of it at a time, processed and cut as the preset says."""

    engine: FileToText
    path: Path
    size: int
    fitted: Fitted
    limits: DecodeLimits
    at_once: int = 1
    process: Processing = NONE
    preset: Preset = BALANCED


async def silence(_: str) -> None:
    """Take text that nobody waits for."""


async def written(job: Job, emit: Emit = silence) -> FileTranscript:
    """Return what is said in the file, with the file's ``duration``; what is silent costs nothing.

    Raises BridgeError, MediaError for a file that is of no use, BadRequest, OSError.
    """
    async with decoded(job.path, limits=job.limits, process=job.process) as sound:
        limits = job.engine.file_limits
        size = job.size if job.process == NONE else None
        # Hours of sound are looked through, and joined of thousands of words: beside the loop, which others wait for.
        cut = partial(plan, by_pauses=job.fitted.by_pauses, piece_s=job.preset.piece_s)
        pieces = await asyncio.to_thread(cut, sound, size, limits)
        if job.fitted.ask.speakers and len(pieces) > 1:
            raise _too_long_for_speakers(longest(limits, job.preset.piece_s))
        told = await _Work(job, sound, emit).all_of(pieces)
        begins = [piece.start / sound.rate for piece in pieces]
        return await asyncio.to_thread(_joined, list(zip(begins, told, strict=True)), sound.duration, job.fitted)


def _joined(parts: Sequence[tuple[float, FileTranscript]], duration: float, fitted: Fitted) -> FileTranscript:
    whole = stitched(parts, duration)
    cued = fitted.ask.words and not whole.segments
    return replace(whole, segments=segments_of(whole.words)) if cued else whole


class _Work:
    """The pieces of one file."""

    def __init__(self, job: Job, sound: Decoded, emit: Emit) -> None:
        self._job, self._sound, self._emit = job, sound, emit
        self._turns = asyncio.Semaphore(job.at_once)
        self._emitted = False

    async def all_of(self, pieces: Sequence[Piece]) -> list[FileTranscript]:
        """Return a transcript of each; text is emitted in order."""
        if len(pieces) == 1:
            return [await self._one(pieces[0], self._emit)]
        told = []
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self._one(piece, silence)) for piece in pieces]
                for task in running:
                    told.append(await task)
                    await self._emit_part(told[-1].text)
        except ExceptionGroup as problems:
            raise _first(problems) from None
        return told

    async def _emit_part(self, text: str) -> None:
        if text:
            await self._emit(f" {text}" if self._emitted else text)
            self._emitted = True

    async def _one(self, piece: Piece, emit: Emit) -> FileTranscript:
        async with self._turns:
            job = self._job
            given = await taken(self._sound, piece, job.path, job.engine.file_limits, job.preset)
            if given is None:
                return NOTHING
            said = self._job.engine.transcribe(given, self._job.fitted.ask)
            told = await _last(cast("AsyncGenerator[str | FileTranscript, None]", said), emit)
        seconds = (piece.end - piece.start) / self._sound.rate
        return _timed(told, seconds, self._job.fitted)


async def _last(said: AsyncGenerator[str | FileTranscript, None], emit: Emit) -> FileTranscript:
    streamed = False
    async with aclosing(said) as pieces:
        async for piece in pieces:
            if isinstance(piece, FileTranscript):
                if not streamed and piece.text:
                    await emit(piece.text)
                return piece
            streamed = True
            await emit(piece)
    raise BridgeError("the transcript came without an end", code="protocol_error")


def _timed(told: FileTranscript, seconds: float, fitted: Fitted) -> FileTranscript:
    """Give a piece that ends at pauses the times of its segment."""
    if not fitted.by_pauses or not told.text:
        return told
    return replace(told, segments=(SpokenSegment(told.text, 0.0, seconds),))


def _first(problems: ExceptionGroup) -> Exception:
    problem = problems.exceptions[0]
    return _first(problem) if isinstance(problem, ExceptionGroup) else problem


def _too_long_for_speakers(seconds: float) -> BadRequest:
    return BadRequest(
        "the file is too long for one request to the engine, which tells speakers apart within one request only: send at"
        f" most {seconds:.0f} seconds, or ask for another response_format than diarized_json",
        code="file_too_long",
        param="response_format",
    )
