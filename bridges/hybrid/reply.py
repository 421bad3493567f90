"""One answer of the chain: written by the language model, cut into clauses, spoken while the rest is being written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from bridges.hybrid.draft import Draft
from bridges.hybrid.first import first
from bridges.hybrid.history import messages
from bridges.hybrid.markup import Markup
from bridges.hybrid.sentences import Clauses
from bridges.hybrid.voicing import Voicing
from bridges.hybrid.writing import estimated, written
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
from mediaserver.speech import LanguageModel, Piece, Sound, TextToSpeech, ToolRequest

CLAUSES_AHEAD = 8
"""Written clauses that wait for the voice; a model that writes faster waits."""
SECONDS_AHEAD = 30.0
"""Speech made ahead of what can have been heard: more would be thrown away by an interruption."""

BEFORE_CHARS = 300
"""Of what was spoken before a clause, told to the voice for the sake of the melody."""


class Reply:
    """One response under its name. Says ResponseCreated, what it makes, and exactly one ResponseDone."""

    def __init__(
        self, ask: Respond, emit: Emit, deadlines: Deadlines, clock: Clock, draft: Draft | None = None
    ) -> None:
        self.response_id = ask.response_id
        self._ask = ask
        self._emit: Emit = emit
        self._deadlines = deadlines
        self._clock = clock
        self._draft = draft
        self._item_id = new_id("item")
        self._audio = "audio" in ask.settings.output_modalities
        self._markup = Markup()
        self._clauses = Clauses()
        self._messages = messages(ask.items, ask.settings.instructions)
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(CLAUSES_AHEAD)
        self._voicings: asyncio.Queue[Voicing | None] = asyncio.Queue(1)
        self._written: list[str] = []
        self._usage: Usage | None = None
        self._characters = 0
        self._seconds = 0.0
        self._first_sound: float | None = None
        self.over = False

    def stop(self, reason: str) -> None:
        """Say that the response is cancelled and nothing after it. The owner cancels the task that runs :meth:`run`."""
        self._done("cancelled", reason=reason)
        self._drop_draft()

    def begin(self) -> None:
        """Say that the response has begun."""
        settings = self._ask.settings
        voice = settings.voice if self._audio else ""
        self._say(ResponseCreated(self.response_id, settings.output_modalities, voice, self._ask.metadata))

    async def run(self, llm: LanguageModel, tts: TextToSpeech) -> None:
        """Make the answer. Failures of the engines end the response, not the call."""
        failure: BridgeError | None = None
        try:
            await self._make(llm, tts)
        except* BridgeError as failures:
            failure = first(failures)
        finally:
            self._drop_draft()
        if failure is None:
            self._done("completed")
        else:
            self._say_sound_is_over()
            self._done("failed", code=failure.code, message=failure.message)

    async def _make(self, llm: LanguageModel, tts: TextToSpeech) -> None:
        settings, draft = self._ask.settings, self._draft
        asked = written(llm, self._messages, settings, self._deadlines) if draft is None else draft.pieces()
        async with asyncio.TaskGroup() as halves:
            halves.create_task(self._write(asked))
            if self._audio:
                halves.create_task(self._voice(halves, tts))
                halves.create_task(self._speak(tts.rate))

    def _drop_draft(self) -> None:
        if self._draft is not None:
            self._draft.drop()

    # --- writing ------------------------------------------------------------------------------------------------------

    async def _write(self, stream: AsyncGenerator[Piece, None]) -> None:
        requests: list[ToolRequest] = []
        async with aclosing(self._paced_text(stream)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    await self._wrote(self._markup.feed(piece) if self._audio else piece)
                elif isinstance(piece, ToolRequest):
                    requests.append(piece)
                else:
                    self._usage = piece
                await asyncio.sleep(0)  # what comes in one go must keep neither the voice nor other calls waiting
        await self._wrote(self._markup.flush(), last=True)
        self._finish_text()
        for request in requests:
            self._call(request)

    async def _paced_text(self, stream: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
        loop = asyncio.get_running_loop()
        async with aclosing(stream) as pieces:
            while True:
                stall = loop.call_later(self._deadlines.stall_s, self._speak_fragment)
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

    async def _voice(self, halves: asyncio.TaskGroup, tts: TextToSpeech) -> None:
        """Have each clause made into sound while the one before is being handed on."""
        before = ""
        while (clause := await self._queue.get()) is not None:  # the writer's deadlines bound this wait
            await self._pace()
            voicing = None if self._draft is None else self._draft.voicing(clause)
            begun, voicing = voicing is not None, voicing or Voicing(clause)
            await self._voicings.put(voicing)
            self._characters += len(clause.strip())
            if not begun:
                voicing.start(halves, tts, self._ask.settings, self._deadlines, before)
            before = (before + clause)[-BEFORE_CHARS:]
        await self._voicings.put(None)

    async def _speak(self, rate: int) -> None:
        while (voicing := await self._voicings.get()) is not None:  # the writer's deadlines bound this wait
            text, start_ms = voicing.clause, round(self._seconds * 1000)
            async with aclosing(voicing.sounds()) as sounds:
                async for sound in sounds:
                    self._sound(sound, text, start_ms, rate)
                    text = ""
        self._say_sound_is_over()

    def _sound(self, sound: Sound, text: str, start_ms: int, rate: int) -> None:
        if self._first_sound is None:
            self._first_sound = self._clock()
        words = tuple(WordTime(word.text, start_ms + word.start_ms, start_ms + word.end_ms) for word in sound.words)
        self._seconds += len(sound.pcm) / 2 / rate
        self._say(AudioDelta(self.response_id, self._item_id, sound.pcm, text, words))

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
        used = self._usage or (Usage() if status == "failed" and not self._written else self._estimated())
        usage = replace(used, characters=self._characters, seconds=round(self._seconds, 3))
        self._say(ResponseDone(self.response_id, status, reason, usage, code, message))
        self.over = True

    def _estimated(self) -> Usage:
        return estimated(self._messages, sum(map(len, self._written)))
