"""Where Gemini Live sessions are opened, and how one shows a key: always in a header, never in the URL.

Source: Gemini API reference, "Live API", and Vertex AI reference, "Live API" (note the slash before the method there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridges.address import address as websocket
from bridges.link import Target
from bridges.options import Gemini
from bridges.realtime import Dial, always

if TYPE_CHECKING:
    import httpx

HOST = "wss://generativelanguage.googleapis.com"
VERTEX = "aiplatform.googleapis.com"
SERVICE = "google.ai.generativelanguage"
TOKEN = "auth_tokens/"  # noqa: S105 - what the name of an ephemeral token begins with


def dial(chosen: Gemini, _http: httpx.AsyncClient) -> Dial:
    """Return what says where a call's socket is to be opened; the key goes to that host and to no other."""
    return always(Target(address(chosen), headers(chosen)))


def address(chosen: Gemini) -> str:
    """Return the URL: the configured one whole, or that of the chosen backend and version."""
    if chosen.url:
        return websocket(chosen.url)
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
