"""OpenAI's and xAI's models where they look things up themselves: ``POST {base}/responses``, streamed.

xAI's chat completions search no longer; Grok does so here only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from bridges.http import Http, Request, open_http
from bridges.llm.chat_request import Dialect
from bridges.llm.failures import WHO, said
from bridges.llm.options import OpenAIChat, XaiChat
from bridges.llm.presets import preset
from bridges.llm.responses_request import body
from bridges.llm.responses_stream import ResponseAnswer
from bridges.llm.stream import Limits, answer
from mediaserver.speech import FREE, Message, Piece, Terms


class ResponsesModel:
    """Satisfies :class:`mediaserver.speech.LanguageModel`; closing the iterator closes the request: the far end stops."""

    def __init__(self, http: Http, dialect: Dialect, search: Sequence[str], limits: Limits) -> None:
        self._http = http
        self._dialect = dialect
        self._search = search
        self._limits = limits

    async def warm(self) -> None:
        """Open a connection ahead of the first answer."""
        await self._http.warm()

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it is written. Raises BridgeError."""
        wanted = body(self._dialect, self._search, messages, terms)
        request = Request("POST", "responses", json=wanted)
        async with aclosing(answer(self._http, request, ResponseAnswer(), self._limits)) as pieces:
            async for piece in pieces:
                yield piece


@asynccontextmanager
async def open_responses(chosen: OpenAIChat | XaiChat) -> AsyncIterator[ResponsesModel]:
    """Open the connections; they are kept alive between answers and closed with the context."""
    server = preset(chosen)
    async with open_http(server.remote, "", headers=server.headers, who=WHO, said=said) as http:
        yield ResponsesModel(http, server.dialect, chosen.search, server.limits)
