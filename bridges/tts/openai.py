"""OpenAI's voice, and voices made from recordings of one.

Source: OpenAI API reference, "Create speech", "Create voice consent", "Create voice"; voices of an account cannot be listed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec

from bridges.http import Http, Request, open_http
from bridges.refusals import said
from bridges.tts.openai_compatible import SpeechVoice, bearer
from bridges.tts.presets import OPENAI
from bridges.tts.rest_options import OpenAIVoice
from mediaserver.errors import BridgeError
from mediaserver.speech import SoundFile, VoiceFacts

MAX_SAMPLE = 10 * 1024 * 1024
_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "webm": "audio/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
}


class _Made(msgspec.Struct):
    id: str
    name: str = ""


class CustomisedVoice(SpeechVoice):
    """Satisfies :class:`mediaserver.speech.VoiceCloning` too; a made voice's id is a name for ``voice``."""

    def __init__(self, http: Http, chosen: OpenAIVoice) -> None:
        super().__init__(http, OPENAI, chosen)
        self._options = chosen

    async def clone_voice(self, name: str, samples: Sequence[SoundFile], *, description: str = "") -> VoiceFacts:
        """Make a voice of one sample of at most 10 MiB.

        Where no ``consent`` is configured, a recording of the speaker who reads OpenAI's phrase comes before it. Raises
        BridgeError, also when there are not so many samples.
        """
        wanted = 1 if self._options.consent else 2
        if len(samples) != wanted:
            raise _refused(
                "OpenAI makes a voice of the recorded consent and one sample, or of one sample with `consent`"
            )
        consent = self._options.consent or await self._consent(name, samples[0])
        made = await self._upload("audio/voices", {"name": name, "consent": consent}, "audio_sample", samples[-1])
        return VoiceFacts(made.id, made.name or name, description=description)

    async def delete_voice(self, voice: str) -> None:
        """Forget a voice that was made; its consent stays. Raises BridgeError."""
        if not voice.startswith(OPENAI.own):
            raise _refused("there is no such voice of yours")
        await self._http.ask(Request("DELETE", f"audio/voices/{quote(voice, safe='')}"))

    async def _consent(self, name: str, recording: SoundFile) -> str:
        fields = {"name": name, "language": self._options.consent_language}
        return (await self._upload("audio/voice_consents", fields, "recording", recording)).id

    async def _upload(self, path: str, fields: Mapping[str, Any], part: str, sound: SoundFile) -> _Made:
        if len(sound.data) > MAX_SAMPLE:
            raise BridgeError("OpenAI takes recordings of at most 10 MiB", code="too_large", retryable=False)
        file = (f"{part}.{sound.kind}", sound.data, _TYPES[sound.kind])
        body = await self._http.ask(Request("POST", path, data=fields, files=[(part, file)]))
        try:
            return msgspec.json.decode(body, type=_Made)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise BridgeError("OpenAI told no voice", code="protocol_error") from None


def _refused(why: str) -> BridgeError:
    return BridgeError(why, code="invalid_request", retryable=False)


@asynccontextmanager
async def open_openai(chosen: OpenAIVoice) -> AsyncIterator[CustomisedVoice]:
    """Open OpenAI's voice."""
    told = {"OpenAI-Organization": chosen.organization, "OpenAI-Project": chosen.project}
    headers = bearer(chosen.key) | {name: value for name, value in told.items() if value}
    async with open_http(chosen, OPENAI.url, headers=headers, who="the voice", said=said) as http:
        yield CustomisedVoice(http, chosen)
