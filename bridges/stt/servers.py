"""What is different from one server of the OpenAI shape to the next: addresses, headers, defaults. Pure.

Source: OpenAI API reference, "Authentication"; Azure OpenAI REST reference; Groq, "Speech to text", "Limits".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bridges.stt import options


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its address up to and with the version, and the model it is asked for.

    It bills no less than ``least_s`` seconds of sound.
    """

    base_url: str
    model: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    params: dict[str, str] = field(default_factory=dict)
    least_s: float = 0.0


def server(chosen: options.OpenAIShape) -> Server:
    """Return the server that these options are for."""
    return _SERVERS[type(chosen)](chosen)


def _openai(chosen: options.OpenAI) -> Server:
    named = {"OpenAI-Organization": chosen.organization, "OpenAI-Project": chosen.project}
    headers = _bearer(chosen.key) | {name: value for name, value in named.items() if value}
    return Server(chosen.url or "https://api.openai.com/v1", chosen.model or "gpt-transcribe", headers)


def _azure(chosen: options.Azure) -> Server:
    resource = chosen.url.rstrip("/").removesuffix("/openai/v1")
    key = chosen.key.strip()
    headers = _bearer(key) if chosen.bearer else {"api-key": key} if key else {}
    if chosen.api_version:
        base = f"{resource}/openai/deployments/{quote(chosen.model, safe='')}"
        return Server(base, chosen.model, headers, {"api-version": chosen.api_version})
    return Server(f"{resource}/openai/v1", chosen.model, headers)


def _groq(chosen: options.Groq) -> Server:
    base = chosen.url or "https://api.groq.com/openai/v1"
    return Server(base, chosen.model or "whisper-large-v3-turbo", _bearer(chosen.key), least_s=10.0)


def _compatible(chosen: options.Compatible) -> Server:
    return Server(chosen.url, chosen.model, _bearer(chosen.key))


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.strip()}"} if key.strip() else {}


_SERVERS: dict[type[options.OpenAIShape], Callable[[Any], Server]] = {
    options.OpenAI: _openai,
    options.Azure: _azure,
    options.Groq: _groq,
    options.Compatible: _compatible,
}
