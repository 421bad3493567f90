"""The voices of an account: listed page by page, made from recordings, forgotten.

Source: ElevenLabs API reference, "List voices" (``GET /v2/voices``), "Create IVC voice" (``POST /v1/voices/add``) and
"Delete voice"; the fields are those of the ``elevenlabs`` SDK 2.78.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from bridges.http import Http, Request
from mediaserver.errors import BridgeError
from mediaserver.speech import SoundFile, VoiceFacts

PAGE, PAGES = 100, 20
"""Voices of one page, and pages at most."""

T = TypeVar("T")


class _Language(Struct):
    language: str
    locale: str | None = None


class _Voice(Struct):
    voice_id: str
    name: str | None = None
    labels: dict[str, str] | None = None
    description: str | None = None
    preview_url: str | None = None
    verified_languages: list[_Language] | None = None


class _Page(Struct):
    voices: list[_Voice]
    has_more: bool = False
    next_page_token: str | None = None


class _Made(Struct):
    voice_id: str


async def list_voices(http: Http) -> list[VoiceFacts]:
    """Return at most ``PAGE * PAGES`` voices. Raises BridgeError."""
    found: list[VoiceFacts] = []
    token: str | None = None
    for _ in range(PAGES):
        params = {"page_size": str(PAGE), "include_total_count": "false"} | (
            {"next_page_token": token} if token else {}
        )
        page = _read(await http.ask(Request("GET", "v2/voices", params=params)), _Page)
        found += [_facts(voice) for voice in page.voices]
        token = page.next_page_token
        if not page.has_more or not token:
            break
    return found


async def clone(http: Http, name: str, samples: Sequence[SoundFile], description: str) -> VoiceFacts:
    """Make an instant clone. Raises BridgeError."""
    files = [("files", (f"sample-{at}.{each.kind}", each.data)) for at, each in enumerate(samples, 1)]
    data = {"name": name} | ({"description": description} if description else {})
    made = _read(await http.ask(Request("POST", "v1/voices/add", data=data, files=files)), _Made)
    return VoiceFacts(made.voice_id, name, description=description)


async def delete(http: Http, voice: str) -> None:
    """Forget a voice. Raises BridgeError."""
    await http.ask(Request("DELETE", f"v1/voices/{quote(voice, safe='')}"))


def _facts(voice: _Voice) -> VoiceFacts:
    labels = voice.labels or {}
    spoken = [each.locale or each.language for each in voice.verified_languages or ()]
    return VoiceFacts(
        voice.voice_id,
        voice.name or "",
        tuple(dict.fromkeys(spoken or [each for each in (labels.get("language"),) if each])),
        labels.get("gender"),
        voice.description or "",
        voice.preview_url,
    )


def _read(answer: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BridgeError("the voice sends nonsense", code="protocol_error") from None
