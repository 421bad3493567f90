"""Where Gemini Live sessions are opened, and how one shows a key: always in a header, never in the URL.

Source: Gemini API reference, "Live API", and Vertex AI reference, "Live API" (note the slash before the method there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridges.link import Target
from bridges.options import Gemini
from mediaserver.bridge import Opening

if TYPE_CHECKING:
    import httpx

    from bridges.realtime import Dial

HOST = "wss://generativelanguage.googleapis.com"
VERTEX = "aiplatform.googleapis.com"
SERVICE = "google.ai.generativelanguage"
TOKEN = "auth_tokens/"  # noqa: S105 - what the name of an ephemeral token begins with


def dial(chosen: Gemini, _http: httpx.AsyncClient) -> Dial:
    """Return what says where a call's socket is to be opened; the key goes to that host and to no other."""
    target = Target(address(chosen), headers(chosen))

    async def where(_opening: Opening) -> Target:
        return target

    return where


def address(chosen: Gemini) -> str:
    """Return the URL: the configured one whole, or that of the chosen backend and version."""
    if chosen.url:
        parts = urlsplit(chosen.url)
        return parts._replace(scheme={"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)).geturl()
    if chosen.backend == "vertex":
        version = chosen.version or "v1beta1"
        place = "" if chosen.location == "global" else f"{chosen.location}-"
        return f"wss://{place}{VERTEX}/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"
    version = chosen.version or "v1beta"
    method = "BidiGenerateContentConstrained" if chosen.key.startswith(TOKEN) else "BidiGenerateContent"
    return f"{HOST}/ws/{SERVICE}.{version}.GenerativeService.{method}"


def headers(chosen: Gemini) -> dict[str, str]:
    """Return how the key is shown."""
    key = chosen.key.strip()
    if chosen.backend == "vertex":
        billed = {"x-goog-user-project": chosen.project} if chosen.project else {}
        return {"Authorization": f"Bearer {key}", **billed}
    if key.startswith(TOKEN):
        return {"Authorization": f"Token {key}"}
    return {"x-goog-api-key": key}
