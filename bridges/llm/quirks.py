"""In what each server of chat completions differs from OpenAI's reference: one row each. Pure.

Sources: OpenAI API reference, "Chat completions" and "Reasoning models"; Azure OpenAI reference; docs.x.ai, "Reasoning";
console.groq.com, "OpenAI compatibility"; the documentation of Ollama, llama.cpp's server and vLLM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SAMPLING = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"})
_OPENAI_REASONS = re.compile(r"^(?:o\d|gpt-(?:[5-9]|\d\d)(?!.*chat))")
_XAI_REASONS = re.compile(r"^grok-(?!.*non-reasoning)(?:[4-9]|3-mini|code|build)")
_NONE = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Quirks:
    """One server. ``url`` is where it is, up to and with the version; empty: it has no address of its own."""

    url: str = ""
    key: str = ""
    """Sent where none is configured."""
    max_tokens: str = "max_completion_tokens"
    """The field that bounds an answer."""
    obfuscates: bool = False
    """It pads its chunks against eavesdroppers, which doubles them, unless it is told not to; others refuse the field."""
    reasons: re.Pattern[str] = _NONE
    """Names of models that think before they answer."""
    reasoning_refuses: frozenset[str] = frozenset()
    """Fields that those models answer with an error."""
    refuses: frozenset[str] = frozenset()
    """Fields that all its models answer with an error."""


QUIRKS: dict[str, Quirks] = {
    "openai_compatible": Quirks(),
    "openai": Quirks(
        url="https://api.openai.com/v1",
        obfuscates=True,
        reasons=_OPENAI_REASONS,
        reasoning_refuses=_SAMPLING | {"logit_bias", "max_tokens", "stop"},
    ),
    "azure": Quirks(
        obfuscates=True,
        reasons=_OPENAI_REASONS,
        reasoning_refuses=_SAMPLING | {"logit_bias", "max_tokens", "stop"},
    ),
    "xai": Quirks(
        url="https://api.x.ai/v1",
        reasons=_XAI_REASONS,
        reasoning_refuses=frozenset({"presence_penalty", "frequency_penalty", "stop"}),
    ),
    "groq": Quirks(
        url="https://api.groq.com/openai/v1", refuses=frozenset({"logprobs", "top_logprobs", "logit_bias", "n"})
    ),
    "ollama": Quirks(url="http://127.0.0.1:11434/v1", key="ollama", max_tokens="max_tokens"),
    "llama_cpp": Quirks(url="http://127.0.0.1:8080/v1", max_tokens="max_tokens"),
    "vllm": Quirks(url="http://127.0.0.1:8000/v1", max_tokens="max_tokens"),
}


def refused(row: str, model: str, extra: Mapping[str, Any], reasoning: bool | None = None) -> frozenset[str]:
    """Return the fields that a model refuses; ``reasoning`` says whether it thinks, ``None``: by its name.

    OpenAI's take them all the same when they are told not to think (``reasoning_effort: none``).
    """
    quirks = QUIRKS[row]
    thinks = bool(quirks.reasons.search(model)) if reasoning is None else reasoning
    if not thinks or (quirks.obfuscates and extra.get("reasoning_effort") == "none"):
        return quirks.refuses
    return quirks.refuses | quirks.reasoning_refuses
