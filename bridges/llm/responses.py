"""OpenAI's and xAI's models where they look things up themselves: ``POST {base}/responses``, streamed.

xAI's chat completions search no longer; Grok does so here only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bridges.http import Request, open_http
from bridges.llm.failures import WHO, said
from bridges.llm.model import HttpModel
from bridges.llm.options import OpenAIChat, XaiChat
from bridges.llm.presets import preset
from bridges.llm.responses_request import body
from bridges.llm.responses_stream import ResponseAnswer
from mediaserver.speech import Message, Terms


@asynccontextmanager
async def open_responses(chosen: OpenAIChat | XaiChat) -> AsyncIterator[HttpModel]:
    """Open the connections; they are kept alive between answers and closed with the context."""
    server = preset(chosen)

    def write(messages: Sequence[Message], terms: Terms) -> Request:
        return Request("POST", "responses", json=body(server.dialect, chosen.search, messages, terms))

    async with open_http(server.remote, "", headers=server.headers, who=WHO, said=said) as http:
        yield HttpModel(http, server.limits, write, ResponseAnswer)
