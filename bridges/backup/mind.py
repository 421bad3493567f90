"""Language models in a line: another one begins when the first is slow, and goes on with a sentence that broke off."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from bridges.backup.line import Line, Patience
from bridges.backup.streams import backed
from mediaserver.speech import FREE, LanguageModel, Message, Piece, Terms

GO_ON = (
    "[A technical fault cut your answer off after its last word above. Write only what comes right after it, in the same "
    "language and tone. Repeat nothing of it, and do not mention the fault.]"
)


class BackupMind:
    """Satisfies :class:`mediaserver.speech.LanguageModel`."""

    def __init__(self, line: Line[LanguageModel], patience: Patience) -> None:
        self._line = line
        self._patience = patience

    async def warm(self) -> None:
        """Get all models ready. Raises BridgeError when none can be had."""
        await self._line.warm()

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        """Yield the answer of whoever is well. Raises the last BridgeError when nobody is."""
        written: list[str] = []

        def ask(engine: LanguageModel) -> AsyncIterator[Piece]:
            return engine.reply(_going_on(messages, "".join(written)), terms)

        async with aclosing(backed(self._line, ask, self._patience, "the language model")) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    written.append(piece)
                yield piece


def _going_on(messages: Sequence[Message], written: str) -> Sequence[Message]:
    return [*messages, Message("assistant", written), Message("user", GO_ON)] if written.strip() else messages
