"""Any language model behind ``POST {base}/chat/completions``, streamed.

Source: OpenAI API reference, "Chat completions"; spoken alike by Azure, xAI, Groq, Ollama, llama.cpp, vLLM and others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bridges.http import Request, open_http
from bridges.llm.chat_request import body
from bridges.llm.chunks import Completion
from bridges.llm.failures import WHO, said
from bridges.llm.model import HttpModel
from bridges.llm.options import Chat
from bridges.llm.presets import compatible, preset
from bridges.options import OpenAICompatible
from mediaserver.speech import Message, Terms


@asynccontextmanager
async def open_chat(chosen: OpenAICompatible | Chat) -> AsyncIterator[HttpModel]:
    """Open the connections to a chat server; they are kept alive between answers and closed with the context."""
    server = compatible(chosen) if isinstance(chosen, OpenAICompatible) else preset(chosen)
    dialect = server.dialect

    def write(messages: Sequence[Message], terms: Terms) -> Request:
        return Request("POST", dialect.path, params=dialect.params, json=body(dialect, messages, terms))

    async with open_http(server.remote, "", headers=server.headers, who=WHO, said=said) as http:
        yield HttpModel(http, server.limits, write, Completion)
