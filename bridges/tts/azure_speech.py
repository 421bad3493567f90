"""Azure AI Speech: SSML in, raw sound out, streamed.

Source: Microsoft, "Text to speech REST API": ``POST cognitiveservices/v1`` and ``GET cognitiveservices/voices/list``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec

from bridges.http import Http, Request, open_http
from bridges.refusals import said
from bridges.tts.incoming import Incoming
from bridges.tts.locales import chosen as chosen_voice
from bridges.tts.locales import locale_of
from bridges.tts.rest_options import AzureSpeechVoice
from bridges.tts.spoken import spoken
from bridges.tts.ssml import is_style, ssml
from bridges.tts.texts import parts
from mediaserver.errors import BridgeError
from mediaserver.speech import PLAIN, Manner, Sound, VoiceFacts

VOICES = (
    *("en-US-JennyNeural", "en-US-AriaNeural", "en-US-GuyNeural", "en-US-AvaMultilingualNeural", "en-GB-SoniaNeural"),
    *("de-DE-KatjaNeural", "fr-FR-DeniseNeural", "es-ES-ElviraNeural", "it-IT-ElsaNeural", "ja-JP-NanamiNeural"),
)
"""A few of several hundred; ``list_voices`` asks for all of them."""
LIMIT = 3000
"""Characters of one request: about three minutes. Ten are the most that an answer lasts, and the rest is cut off."""
MAX_LIST = 8 * 1024 * 1024
_AGENT = "mediaserver"


class _Told(msgspec.Struct, rename="pascal"):
    short_name: str
    display_name: str = ""
    gender: str = ""
    locale: str = ""
    secondary_locale_list: tuple[str, ...] = ()
    style_list: tuple[str, ...] = ()


class AzureSpeech:
    """Satisfies :class:`mediaserver.speech.TextToSpeech` and ``VoiceList``.

    Of the manner it knows the settings of :func:`bridges.tts.ssml.ssml`, and instructions of one word, which are a style.
    """

    def __init__(self, http: Http, chosen: AzureSpeechVoice) -> None:
        self._http, self._chosen = http, chosen

    @property
    def rate(self) -> int:
        """Hz."""
        return self._chosen.rate

    @property
    def voices(self) -> tuple[str, ...]:
        """Those of the configuration, else a few; others are known by their names too."""
        return self._chosen.voices or VOICES

    async def warm(self) -> None:
        """Open a connection ahead of the first request."""
        await self._http.warm()

    async def list_voices(self) -> Sequence[VoiceFacts]:
        """Ask for the voices of the region. Raises BridgeError."""
        body = await self._http.ask(Request("GET", "cognitiveservices/voices/list"), limit=MAX_LIST)
        try:
            told = msgspec.json.decode(body, type=list[_Told])
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise BridgeError("Azure told no voices", code="protocol_error") from None
        return [_facts(voice) for voice in told]

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield the sound as it comes. Closing the iterator closes the request. Raises BridgeError.

        ``speed`` 0.5 to 2; what lies beyond is taken as the nearest of these.
        """
        requests = (self._request(part, voice, speed, manner) for part in parts(text, LIMIT))
        async with aclosing(spoken(self._http, requests, lambda: Incoming(self.rate, self.rate))) as sounds:
            async for sound in sounds:
                yield sound

    def _request(self, text: str, asked: str, speed: float, manner: Manner) -> Request:
        voice = chosen_voice(asked, self.voices)
        language = manner.language or locale_of(voice) or self._chosen.language or "en-US"
        style = {"style": manner.instructions} if is_style(manner.instructions) else {}
        headers = {
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": f"raw-{self.rate // 1000}khz-16bit-mono-pcm",
            "User-Agent": _AGENT,
        }
        document = ssml(text, voice, language, speed, {**style, **manner.settings})
        return Request("POST", "cognitiveservices/v1", headers=headers, content=document.encode())


def _facts(told: _Told) -> VoiceFacts:
    languages = tuple(dict.fromkeys(each for each in (told.locale, *told.secondary_locale_list) if each))
    styles = f"Styles: {', '.join(told.style_list)}" if told.style_list else ""
    return VoiceFacts(
        told.short_name, told.display_name or told.short_name, languages, told.gender.lower() or None, styles
    )


@asynccontextmanager
async def open_azure_speech(chosen: AzureSpeechVoice) -> AsyncIterator[AzureSpeech]:
    """Open the voices of a region."""
    base = f"https://{chosen.region}.tts.speech.microsoft.com"
    headers = {"Authorization": f"Bearer {chosen.key}"} if chosen.bearer else {"Ocp-Apim-Subscription-Key": chosen.key}
    async with open_http(chosen, base, headers=headers, who="the voice", said=said) as http:
        yield AzureSpeech(http, chosen)
