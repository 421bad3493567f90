"""Google's models behind the Gemini API, streamed. Source: Gemini API reference, "models.streamGenerateContent"."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec

from bridges.http import Http, Request, open_http
from bridges.llm.failures import WHO, said
from bridges.llm.gemini_request import body
from bridges.llm.gemini_stream import GeminiAnswer
from bridges.llm.options import GeminiChat
from bridges.llm.signatures import Signatures
from bridges.llm.stream import Limits, answer
from mediaserver.speech import FREE, Message, Piece, Terms

URL = "https://generativelanguage.googleapis.com"


class GeminiModel:
    """Satisfies :class:`mediaserver.speech.LanguageModel`; closing the iterator closes the request: the far end stops.

    A call's thought signature is kept here by the call's id, for the next turn, and never enters the conversation.
    """

    def __init__(self, http: Http, chosen: GeminiChat) -> None:
        self._http = http
        self._chosen = chosen
        self._limits = Limits(chosen.answer_s, chosen.between_s)
        self._signatures = Signatures()

    async def warm(self) -> None:
        """Open a connection ahead of the first answer."""
        await self._http.warm()

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it is written. Raises BridgeError."""
        wanted = body(self._chosen, self._signatures, messages, terms)
        request = Request("POST", self._path, params={"alt": "sse"}, json=wanted)
        async with aclosing(answer(self._http, request, GeminiAnswer(self._signatures), self._limits)) as pieces:
            async for piece in pieces:
                yield piece

    @property
    def _path(self) -> str:
        return f"{self._chosen.version}/models/{self._chosen.model.removeprefix('models/')}:streamGenerateContent"


@asynccontextmanager
async def open_gemini(chosen: GeminiChat) -> AsyncIterator[GeminiModel]:
    """Open the connections to Google; they are kept alive between answers and closed with the context."""
    headers = {"x-goog-api-key": chosen.key.strip()} if chosen.key.strip() else {}
    remote = msgspec.structs.replace(chosen, between_s=max(chosen.answer_s, chosen.between_s))
    async with open_http(remote, URL, headers=headers, who=WHO, said=said) as http:
        yield GeminiModel(http, chosen)
