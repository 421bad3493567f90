"""Language models, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridges import options
from bridges.row import Row
from mediaserver.speech import LanguageModel


@asynccontextmanager
async def _local(chosen: options.LocalResponder) -> AsyncIterator[LanguageModel]:
    from bridges.local.responder import Responder

    yield Responder()


@asynccontextmanager
async def _openai_compatible(chosen: options.OpenAICompatible) -> AsyncIterator[LanguageModel]:
    from bridges.llm.openai_compatible import open_chat

    async with open_chat(chosen) as engine:
        yield engine


LLM: dict[str, Row[LanguageModel]] = {
    "local": Row(options.LocalResponder, _local),
    "openai_compatible": Row(options.OpenAICompatible, _openai_compatible),
}
