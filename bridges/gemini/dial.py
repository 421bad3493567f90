"""Where Gemini Live sessions are opened, and how one shows a key: always in a header, never in the URL.

Source: Gemini API reference, "Live API", and Vertex AI reference, "Live API" (note the slash before the method there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridges.gemini.setup import model_name
from bridges.link import Target
from bridges.options import Gemini
from mediaserver.bridge import Opening

if TYPE_CHECKING:
    import httpx

    from bridges.realtime import Dial

HOST = "wss://generativelanguage.googleapis.com"
SERVICE = "google.ai.generativelanguage"
TOKEN = "auth_tokens/"  # noqa: S105 - what the name of an ephemeral token begins with


def dial(chosen: Gemini, _http: httpx.AsyncClient) -> Dial:
    """Return what says where a call's socket is to be opened; the key goes to that host and to no other."""
    target = Target(chosen.url or address(chosen), headers(chosen))

    async def where(_opening: Opening) -> Target:
        return target

    return where


def address(chosen: Gemini) -> str:
    """Return the URL of the chosen backend and version."""
    if chosen.backend == "vertex":
        version = chosen.version or "v1beta1"
        host = f"wss://{chosen.location}-aiplatform.googleapis.com"
        return f"{host}/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"
    version = chosen.version or "v1beta"
    method = "BidiGenerateContentConstrained" if chosen.key.startswith(TOKEN) else "BidiGenerateContent"
    return f"{HOST}/ws/{SERVICE}.{version}.GenerativeService.{method}"


def headers(chosen: Gemini) -> dict[str, str]:
    """Return how the key is shown."""
    if chosen.backend == "vertex":
        project = model_name(chosen).split("/")[1] if model_name(chosen).startswith("projects/") else chosen.project
        return {"Authorization": f"Bearer {chosen.key}", "x-goog-user-project": project}
    if chosen.key.startswith(TOKEN):
        return {"Authorization": f"Token {chosen.key}"}
    return {"x-goog-api-key": chosen.key}
