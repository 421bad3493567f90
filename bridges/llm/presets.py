"""From the options of a server of chat completions to its address, its credentials and its dialect. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bridges.llm.chat_request import Dialect
from bridges.llm.options import AzureChat, Chat, OpenAIChat
from bridges.llm.quirks import QUIRKS, refused
from bridges.llm.stream import Limits
from bridges.options import OpenAICompatible, Remote


@dataclass(frozen=True, slots=True)
class Preset:
    """One configured server; ``remote.url`` is where its requests go."""

    remote: Remote
    headers: Mapping[str, str]
    dialect: Dialect
    limits: Limits


def compatible(chosen: OpenAICompatible) -> Preset:
    """Return any server, as its options describe it."""
    limits = Limits(chosen.first_token_s, chosen.between_tokens_s)
    remote = Remote(url=chosen.base_url, connect_s=chosen.connect_s, answer_s=limits.first_s, between_s=max_s(limits))
    dialect = Dialect(chosen.model, max_tokens_field=chosen.max_tokens_field, extra=chosen.extra)
    return Preset(remote, _bearer(chosen.key), dialect, limits)


def preset(chosen: Chat) -> Preset:
    """Return a server that we know."""
    quirks, limits = QUIRKS[chosen.row], Limits(chosen.answer_s, chosen.between_s)
    remote = msgspec.structs.replace(chosen, url=chosen.url or quirks.url, between_s=max_s(limits))
    dialect: dict[str, Any] = {
        "model": chosen.model,
        "max_tokens_field": quirks.max_tokens,
        "max_tokens": chosen.max_tokens,
        "obfuscates": quirks.obfuscates,
        "refuses": refused(chosen.row, chosen.model, chosen.extra, chosen.reasoning),
        "extra": chosen.extra,
    }
    if isinstance(chosen, AzureChat):
        return _azure(chosen, dialect, limits)
    return Preset(remote, _bearer(chosen.key or quirks.key) | _account(chosen), Dialect(**dialect), limits)


def max_s(limits: Limits) -> float:
    """Return the longest silence that the connection itself must bear: the stream has the finer limits."""
    return max(limits.first_s, limits.between_s)


def _azure(chosen: AzureChat, dialect: dict[str, Any], limits: Limits) -> Preset:
    base = chosen.url.rstrip("/").removesuffix("/openai/v1")
    if chosen.api_version:
        base, dialect["params"] = f"{base}/openai/deployments/{chosen.model}", {"api-version": chosen.api_version}
    else:
        base += "/openai/v1"
    headers = _bearer(chosen.key) if chosen.bearer else {"api-key": chosen.key.strip()} if chosen.key else {}
    remote = msgspec.structs.replace(chosen, url=base, between_s=max_s(limits))
    return Preset(remote, headers, Dialect(**dialect), limits)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.strip()}"} if key.strip() else {}


def _account(chosen: Chat) -> dict[str, str]:
    if not isinstance(chosen, OpenAIChat):
        return {}
    named = {"OpenAI-Organization": chosen.organization, "OpenAI-Project": chosen.project}
    return {name: value for name, value in named.items() if value}
