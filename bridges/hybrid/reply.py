"""One answer of the chain: written by the language model, cut into clauses, spoken while the rest is being written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

from bridges.hybrid.history import messages
from bridges.hybrid.markup import Markup
from bridges.hybrid.sentences import Clauses
from bridges.options import Deadlines
from mediaserver.bridge import Emit
from mediaserver.clock import Clock, new_id
from mediaserver.commands import Respond
from mediaserver.errors import BridgeError
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseCreated,
    ResponseDone,
    ResponseStatus,
    TextDelta,
    TextDone,
    ToolCalled,
    WordTime,
)
from mediaserver.items import Usage
from mediaserver.speech import LanguageModel, Sound, TextToSpeech, ToolRequest

CLAUSES_AHEAD = 8
"""Written clauses that wait for the voice; a model that writes faster waits."""
SECONDS_AHEAD = 30.0
"""Speech made ahead of what can have been heard: more would be thrown away by an interruption."""

Piece = TypeVar("Piece")


class Reply:
    """One response under its name. Says ResponseCreated, what it makes, and exactly one ResponseDone."""

    def __init__(self, ask: Respond, emit: Emit, deadlines: Deadlines, clock: Clock) -> None:
        self.response_id = ask.response_id
        self._ask = ask
        self._emit: Emit = emit
        self._deadlines = deadlines
        self._clock = clock
        self._item_id = new_id("item")
        self._audio = "audio" in ask.settings.output_modalities
        self._markup = Markup()
        self._clauses = Clauses()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(CLAUSES_AHEAD)
        self._written: list[str] = []
        self._usage = Usage()
        self._characters = 0
        self._seconds = 0.0
        self._first_sound: float | None = None
        self.over = False

    def stop(self, reason: str) -> None:
        """Say that the response is cancelled and nothing after it. The owner cancels the task that runs :meth:`run`."""
        self._done("cancelled", reason=reason)

    def begin(self) -> None:
        """Say that the response has begun."""
        settings = self._ask.settings
        voice = settings.voice if self._audio else ""
        self._say(ResponseCreated(self.response_id, settings.output_modalities, voice, self._ask.metadata))

    async def run(self, llm: LanguageModel, tts: TextToSpeech) -> None:
        """Make the answer. Failures of the engines end the response, not the call."""
        try:
            await self._make(llm, tts)
        except* BridgeError as failures:
            failure = _first(failures)
            self._say_sound_is_over()
            self._done("failed", code=failure.code, message=failure.message)
        else:
            self._done("completed")

    async def _make(self, llm: LanguageModel, tts: TextToSpeech) -> None:
        async with asyncio.TaskGroup() as halves:
            halves.create_task(self._write(llm))
            if self._audio:
                halves.create_task(self._speak(tts))

    # --- writing ------------------------------------------------------------------------------------------------------

    async def _write(self, llm: LanguageModel) -> None:
        settings = self._ask.settings
        stream = llm.reply(
            messages(self._ask.items, settings.instructions),
            tools=settings.tools,
            tool_choice=_tool_choice(settings.tool_choice),
            max_tokens=settings.max_output_tokens,
            temperature=settings.temperature,
        )
        requests: list[ToolRequest] = []
        async with aclosing(self._paced_text(stream)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    await self._wrote(self._markup.feed(piece) if self._audio else piece)
                elif isinstance(piece, ToolRequest):
                    requests.append(piece)
                else:
                    self._usage = piece
        await self._wrote(self._markup.flush(), last=True)
        self._finish_text()
        for request in requests:
            self._call(request)

    async def _paced_text(
        self, stream: AsyncIterator[str | ToolRequest | Usage]
    ) -> AsyncGenerator[str | ToolRequest | Usage, None]:
        limits = self._deadlines
        pieces = _within(stream, limits.first_text_s, limits.next_text_s, "the language model", "llm_timeout")
        loop = asyncio.get_running_loop()
        async with aclosing(pieces):
            while True:
                stall = loop.call_later(limits.stall_s, self._speak_fragment)
                try:
                    piece = await anext(pieces, None)
                finally:
                    stall.cancel()
                if piece is None:
                    return
                yield piece

    async def _wrote(self, text: str, *, last: bool = False) -> None:
        if text:
            self._written.append(text)
            self._say(TextDelta(self.response_id, self._item_id, text))
        if not self._audio:
            return
        for clause in self._clauses.feed(text) + (self._clauses.flush() if last else []):
            await self._queue.put(clause)  # the voice's deadlines bound this wait
        if last:
            await self._queue.put(None)

    def _speak_fragment(self) -> None:
        if self._audio and not self.over and self._queue.empty():
            for clause in self._clauses.stalled():
                self._queue.put_nowait(clause)

    def _finish_text(self) -> None:
        if self._written:
            self._say(TextDone(self.response_id, self._item_id, "".join(self._written)))

    def _call(self, request: ToolRequest) -> None:
        item_id = new_id("item")
        self._say(ToolCalled(self.response_id, item_id, request.call_id, request.name, request.arguments))

    # --- speaking -----------------------------------------------------------------------------------------------------

    async def _speak(self, tts: TextToSpeech) -> None:
        while (clause := await self._queue.get()) is not None:  # the writer's deadlines bound this wait
            await self._pace()
            await self._speak_clause(tts, clause)
        self._say_sound_is_over()

    async def _speak_clause(self, tts: TextToSpeech, clause: str) -> None:
        settings, limit = self._ask.settings, self._deadlines.clause_s
        stream = tts.speak(clause.strip(), voice=settings.voice, speed=settings.speed)
        self._characters += len(clause.strip())
        text = clause
        async with aclosing(_within(stream, limit, limit, "the voice", "tts_timeout")) as sounds:
            async for sound in sounds:
                self._sound(sound, text, tts.rate)
                text = ""

    def _sound(self, sound: Sound, text: str, rate: int) -> None:
        if self._first_sound is None:
            self._first_sound = self._clock()
        words = tuple(self._shifted(word) for word in sound.words)
        self._seconds += len(sound.pcm) / 2 / rate
        self._say(AudioDelta(self.response_id, self._item_id, sound.pcm, text, words))

    def _shifted(self, word: WordTime) -> WordTime:
        start = round(self._seconds * 1000)
        return WordTime(word.text, start + word.start_ms, start + word.end_ms)

    async def _pace(self) -> None:
        if self._first_sound is not None:
            ahead = self._seconds - (self._clock() - self._first_sound)
            await asyncio.sleep(max(0.0, ahead - SECONDS_AHEAD))

    def _say_sound_is_over(self) -> None:
        if self._first_sound is not None:
            self._say(AudioDone(self.response_id, self._item_id))

    # --- saying -------------------------------------------------------------------------------------------------------

    def _say(self, event: Event) -> None:
        if not self.over:
            self._emit(event)

    def _done(
        self, status: ResponseStatus, reason: str | None = None, code: str | None = None, message: str | None = None
    ) -> None:
        usage = replace(self._usage, characters=self._characters, seconds=round(self._seconds, 3))
        self._say(ResponseDone(self.response_id, status, reason, usage, code, message))
        self.over = True


async def _within(
    stream: AsyncIterator[Piece], first: float, then: float, who: str, code: str
) -> AsyncGenerator[Piece, None]:
    """Pass a stream on with a deadline on each piece; closes it when left. Raises BridgeError when it is late."""
    limit = first
    try:
        while True:
            async with asyncio.timeout(limit):
                piece = await anext(stream)
            limit = then
            yield piece
    except StopAsyncIteration:
        return
    except TimeoutError:
        raise BridgeError(f"{who} did not answer in time", code=code) from None
    finally:
        if hasattr(stream, "aclose"):
            await stream.aclose()


def _tool_choice(chosen: Any) -> str:
    """``auto``, ``none``, ``required``, or the name of the one function that must be called."""
    return chosen if isinstance(chosen, str) else str(chosen.get("name", "auto"))


def _first(failures: BaseExceptionGroup[BridgeError]) -> BridgeError:
    leaves: Sequence[BaseException] = failures.exceptions
    while isinstance(leaves[0], BaseExceptionGroup):
        leaves = leaves[0].exceptions
    failure = leaves[0]
    return failure if isinstance(failure, BridgeError) else BridgeError(str(failure))
