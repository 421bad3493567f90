"""Language models, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridges import options as shared
from bridges.llm import options
from bridges.row import Row
from mediaserver.speech import LanguageModel


@asynccontextmanager
async def _local(chosen: shared.LocalResponder) -> AsyncIterator[LanguageModel]:
    from bridges.local.responder import Responder

    yield Responder()


@asynccontextmanager
async def _chat(chosen: shared.OpenAICompatible | options.Chat) -> AsyncIterator[LanguageModel]:
    from bridges.llm.openai_compatible import open_chat

    async with open_chat(chosen) as engine:
        yield engine


@asynccontextmanager
async def _chat_or_search(chosen: options.OpenAIChat | options.XaiChat) -> AsyncIterator[LanguageModel]:
    from bridges.llm.openai_compatible import open_chat
    from bridges.llm.responses import open_responses

    async with open_responses(chosen) if chosen.search else open_chat(chosen) as engine:
        yield engine


@asynccontextmanager
async def _anthropic(chosen: options.Anthropic) -> AsyncIterator[LanguageModel]:
    from bridges.llm.anthropic import open_anthropic

    async with open_anthropic(chosen) as engine:
        yield engine


@asynccontextmanager
async def _gemini(chosen: options.GeminiChat) -> AsyncIterator[LanguageModel]:
    from bridges.llm.gemini import open_gemini

    async with open_gemini(chosen) as engine:
        yield engine


@asynccontextmanager
async def _router(chosen: options.Router) -> AsyncIterator[LanguageModel]:
    from bridges.llm.router import open_router

    async with open_router(chosen) as engine:
        yield engine


LLM: dict[str, Row[LanguageModel]] = {
    "local": Row(shared.LocalResponder, _local),
    "openai_compatible": Row(shared.OpenAICompatible, _chat),
    "openai": Row(options.OpenAIChat, _chat_or_search),
    "azure": Row(options.AzureChat, _chat),
    "xai": Row(options.XaiChat, _chat_or_search),
    "groq": Row(options.GroqChat, _chat),
    "ollama": Row(options.OllamaChat, _chat),
    "llama_cpp": Row(options.LlamaCppChat, _chat),
    "vllm": Row(options.VllmChat, _chat),
    "anthropic": Row(options.Anthropic, _anthropic),
    "gemini": Row(options.GeminiChat, _gemini),
    "router": Row(options.Router, _router),
}
