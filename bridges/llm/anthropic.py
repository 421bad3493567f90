"""Anthropic's models behind the Messages API, streamed. Source: Anthropic API reference, "Messages"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from bridges.http import Request, open_http
from bridges.llm.anthropic_request import body
from bridges.llm.anthropic_stream import AnthropicAnswer
from bridges.llm.failures import WHO, said
from bridges.llm.model import HttpModel
from bridges.llm.options import Anthropic
from bridges.llm.stream import Limits
from mediaserver.speech import Message, Terms

URL = "https://api.anthropic.com/v1"


@asynccontextmanager
async def open_anthropic(chosen: Anthropic) -> AsyncIterator[HttpModel]:
    """Open the connections to Anthropic; they are kept alive between answers and closed with the context."""
    headers = {"anthropic-version": chosen.version, **({"x-api-key": chosen.key.strip()} if chosen.key.strip() else {})}
    remote = msgspec.structs.replace(chosen, between_s=max(chosen.answer_s, chosen.between_s))

    def write(messages: Sequence[Message], terms: Terms) -> Request:
        return Request("POST", "messages", json=body(chosen, messages, terms))

    async with open_http(remote, URL, headers=headers, who=WHO, said=said) as http:
        yield HttpModel(http, Limits(chosen.answer_s, chosen.between_s), write, AnthropicAnswer)
