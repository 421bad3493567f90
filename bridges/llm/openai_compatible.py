"""Any language model behind ``POST {base}/chat/completions``, streamed.

Source: OpenAI API reference, "Chat completions"; spoken alike by Azure, xAI, Groq, Ollama, llama.cpp, vLLM and others.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from bridges.http import Http, Request, open_http
from bridges.llm.chat_request import Dialect, body
from bridges.llm.chunks import Completion
from bridges.llm.failures import WHO, said
from bridges.llm.options import Chat
from bridges.llm.presets import compatible, preset
from bridges.llm.stream import Limits, answer
from bridges.options import OpenAICompatible
from mediaserver.speech import FREE, Message, Piece, Terms


class ChatModel:
    """Satisfies :class:`mediaserver.speech.LanguageModel`; closing the iterator closes the request: the far end stops."""

    def __init__(self, http: Http, dialect: Dialect, limits: Limits) -> None:
        self._http = http
        self._dialect = dialect
        self._limits = limits

    async def warm(self) -> None:
        """Open a connection ahead of the first answer."""
        await self._http.warm()

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it is written. Raises BridgeError."""
        wanted = body(self._dialect, messages, terms)
        request = Request("POST", self._dialect.path, params=self._dialect.params, json=wanted)
        async with aclosing(answer(self._http, request, Completion(), self._limits)) as pieces:
            async for piece in pieces:
                yield piece


@asynccontextmanager
async def open_chat(chosen: OpenAICompatible | Chat) -> AsyncIterator[ChatModel]:
    """Open the connections to a chat server; they are kept alive between answers and closed with the context."""
    server = compatible(chosen) if isinstance(chosen, OpenAICompatible) else preset(chosen)
    async with open_http(server.remote, "", headers=server.headers, who=WHO, said=said) as http:
        yield ChatModel(http, server.dialect, server.limits)
