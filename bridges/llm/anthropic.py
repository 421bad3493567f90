"""Anthropic's models behind the Messages API, streamed. Source: Anthropic API reference, "Messages"."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec

from bridges.http import Http, Request, open_http
from bridges.llm.anthropic_request import body
from bridges.llm.anthropic_stream import AnthropicAnswer
from bridges.llm.failures import WHO, said
from bridges.llm.options import Anthropic
from bridges.llm.stream import Limits, answer
from mediaserver.speech import FREE, Message, Piece, Terms

URL = "https://api.anthropic.com/v1"


class AnthropicModel:
    """Satisfies :class:`mediaserver.speech.LanguageModel`; closing the iterator closes the request: the far end stops."""

    def __init__(self, http: Http, chosen: Anthropic) -> None:
        self._http = http
        self._chosen = chosen
        self._limits = Limits(chosen.answer_s, chosen.between_s)

    async def warm(self) -> None:
        """Open a connection ahead of the first answer."""
        await self._http.warm()

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it is written; the temperature changes nothing. Raises BridgeError."""
        wanted = body(self._chosen, messages, terms)
        request = Request("POST", "messages", json=wanted)
        async with aclosing(answer(self._http, request, AnthropicAnswer(), self._limits)) as pieces:
            async for piece in pieces:
                yield piece


@asynccontextmanager
async def open_anthropic(chosen: Anthropic) -> AsyncIterator[AnthropicModel]:
    """Open the connections to Anthropic; they are kept alive between answers and closed with the context."""
    headers = {"anthropic-version": chosen.version, **({"x-api-key": chosen.key.strip()} if chosen.key.strip() else {})}
    remote = msgspec.structs.replace(chosen, between_s=max(chosen.answer_s, chosen.between_s))
    async with open_http(remote, URL, headers=headers, who=WHO, said=said) as http:
        yield AnthropicModel(http, chosen)
