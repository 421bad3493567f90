"""Language models, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridges import options as shared
from bridges.llm import options
from bridges.row import Lazily, Row
from mediaserver.speech import LanguageModel


@asynccontextmanager
async def _local(chosen: shared.LocalResponder) -> AsyncIterator[LanguageModel]:
    from bridges.local.responder import Responder

    yield Responder()


@asynccontextmanager
async def _chat_or_search(chosen: options.OpenAIChat | options.XaiChat) -> AsyncIterator[LanguageModel]:
    from bridges.llm.openai_compatible import open_chat
    from bridges.llm.responses import open_responses

    async with open_responses(chosen) if chosen.search else open_chat(chosen) as engine:
        yield engine


_chat = Lazily("llm.openai_compatible", "open_chat")

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
    "anthropic": Row(options.Anthropic, Lazily("llm.anthropic", "open_anthropic")),
    "gemini": Row(options.GeminiChat, Lazily("llm.gemini", "open_gemini")),
    "router": Row(options.Router, Lazily("llm.router", "open_router")),
}
