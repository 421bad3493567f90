"""An answer that is begun before it is asked for: on a guess of what the caller will have said."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from bridges.hybrid.history import messages
from bridges.hybrid.markup import Markup
from bridges.hybrid.sentences import Clauses
from bridges.hybrid.voicing import Voicing
from bridges.hybrid.writing import estimated, written
from bridges.options import Deadlines
from mediaserver.commands import Prepare, Respond
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import LanguageModel, Message, Piece, TextToSpeech
from mediaserver.tasks import cancel_once

_PIECES = 256
"""Pieces of text that wait to be asked for; a model that writes more waits."""

_NO_WORD = re.compile(r"[^\w']+")


class Draft:
    """Writes from :meth:`start` on, and keeps what is written until it is taken or dropped.

    With a voice it also begins to speak the first clause. Text and sound go to whoever takes it, once.
    """

    def __init__(self, ask: Prepare) -> None:
        self._settings = ask.settings
        self._messages = messages(ask.items, ask.settings.instructions)
        self._pieces: asyncio.Queue[Piece | BridgeError | None] = asyncio.Queue(_PIECES)
        self._task: asyncio.Task[None] | None = None
        self._first: Voicing | None = None
        self._asked = False
        self._chars = 0
        self._usage: Usage | None = None

    def start(
        self, tasks: asyncio.TaskGroup, llm: LanguageModel, limits: Deadlines, voice: TextToSpeech | None = None
    ) -> None:
        """Begin to write, and with ``voice`` to speak."""
        aloud = voice if "audio" in self._settings.output_modalities else None
        self._task = tasks.create_task(self._write(tasks, llm, limits, aloud))

    def drop(self) -> Usage | None:
        """Nobody wants it: stop the model and the voice, and return what the model used, if it was asked at all."""
        cancel_once(self._task)
        if self._first is not None:
            self._first.drop()
        return (self._usage or estimated(self._messages, self._chars)) if self._asked else None

    def answers(self, ask: Respond) -> bool:
        """Say whether this is what is asked for; the caller's last words may differ in case and punctuation."""
        return ask.settings == self._settings and _alike(messages(ask.items, ask.settings.instructions), self._messages)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield what is written, as a language model does; the model is stopped when this is left. Raises BridgeError."""
        try:
            while (piece := await self._pieces.get()) is not None:  # the model's deadlines bound this wait
                if isinstance(piece, BridgeError):
                    raise piece
                yield piece
        finally:
            cancel_once(self._task)

    def voicing(self, clause: str) -> Voicing | None:
        """Return the sound of the first clause, when it is this one; else it is dropped."""
        first, self._first = self._first, None
        if first is None or first.clause == clause:
            return first
        first.drop()
        return None

    async def _write(
        self, tasks: asyncio.TaskGroup, llm: LanguageModel, limits: Deadlines, voice: TextToSpeech | None
    ) -> None:
        markup, clauses = Markup(), Clauses()
        self._asked = True

        def aloud(ready: list[str]) -> None:
            nonlocal voice
            if voice is not None and ready:
                self._first = Voicing(ready[0])
                self._first.start(tasks, voice, self._settings, limits)
                voice = None

        try:
            async with aclosing(written(llm, self._messages, self._settings, limits)) as pieces:
                async for piece in pieces:
                    self._count(piece)
                    if isinstance(piece, str):
                        aloud(clauses.feed(markup.feed(piece)))
                    await self._pieces.put(piece)
            aloud([*clauses.feed(markup.flush()), *clauses.flush()])
        except BridgeError as failure:
            await self._pieces.put(failure)
        else:
            await self._pieces.put(None)

    def _count(self, piece: Piece) -> None:
        if isinstance(piece, str):
            self._chars += len(piece)
        elif isinstance(piece, Usage):
            self._usage = piece


def _alike(one: Sequence[Message], other: Sequence[Message]) -> bool:
    return (
        len(one) == len(other) > 0
        and one[:-1] == other[:-1]
        and one[-1].role == other[-1].role == "user"
        and _words(one[-1].text) == _words(other[-1].text)
    )


def _words(text: str) -> list[str]:
    return [word for word in _NO_WORD.split(text.casefold()) if word]
