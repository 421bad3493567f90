"""The voices that a compatible server tells. Pure.

There is no standard for ``GET audio/voices``. Kokoro writes ``{"voices": ["af_heart", …]}``; others objects with an ``id``,
a ``voice_id`` or only a ``name``, in ``voices``, in ``data`` or as the whole answer.
"""

from __future__ import annotations

import json
from typing import Any

from mediaserver.speech import VoiceFacts

MOST = 2000
_LONGEST = 256


def told_voices(body: bytes) -> tuple[VoiceFacts, ...]:
    """Return what an answer tells; what is none of it is passed over. Never raises."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    if isinstance(told, dict):
        told = told.get("voices", told.get("data"))
    found = (_voice(each) for each in (told[:MOST] if isinstance(told, list) else ()))
    return tuple(voice for voice in found if voice is not None)


def _voice(told: Any) -> VoiceFacts | None:
    if isinstance(told, str):
        told = {"id": told}
    if not isinstance(told, dict):
        return None
    name, language = _text(told.get("name")), _text(told.get("language"))
    identity = _text(told.get("id")) or _text(told.get("voice_id")) or name
    return VoiceFacts(identity, name or identity, (language,) if language else ()) if identity else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST else ""
