"""Azure AI Speech on loopback: reads the SSML as XML, and sends raw sound of the format that the header names.

There is no SDK of this interface: what is checked here is what Microsoft's reference says of it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from aiohttp import web

from tests.servers.speaking import Speaking, serving, sound_of

_SSML = "{http://www.w3.org/2001/10/synthesis}"
_FORMAT = re.compile(r"raw-(8|16|24|48)khz-16bit-mono-pcm")
_VOICES = [
    {
        "Name": "Microsoft Server Speech Text to Speech Voice (en-US, JennyNeural)",
        "DisplayName": "Jenny",
        "LocalName": "Jenny",
        "ShortName": "en-US-JennyNeural",
        "Gender": "Female",
        "Locale": "en-US",
        "LocaleName": "English (United States)",
        "SampleRateHertz": "24000",
        "VoiceType": "Neural",
        "Status": "GA",
        "StyleList": ["assistant", "cheerful"],
        "WordsPerMinute": "152",
    },
    {"ShortName": "en-US-AvaMultilingualNeural", "Gender": "Female", "Locale": "en-US", "SecondaryLocaleList": ["de-DE"]},
]  # fmt: skip


@dataclass
class AzureSpeechServer(Speaking):
    """``spoken`` is the text of each document."""

    spoken: list[str] = field(default_factory=list)

    async def speech(self, request: web.Request) -> web.StreamResponse:
        assert request.content_type == "application/ssml+xml" and request.headers["User-Agent"]
        rate = _FORMAT.fullmatch(request.headers["X-Microsoft-OutputFormat"])
        assert rate is not None
        document = ElementTree.fromstring(await request.read())
        assert document.tag == f"{_SSML}speak" and document.get("version") == "1.0"
        (voice,) = document
        assert voice.tag == f"{_SSML}voice" and voice.get("name")
        self.asked.append(document)
        self.spoken.append("".join(document.itertext()))
        return await self.answer(request, sound_of(self.spoken[-1], int(rate[1]) * 1000), "audio/basic")

    async def list(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(_VOICES)


@asynccontextmanager
async def azure_speech(**told: Any) -> AsyncIterator[AzureSpeechServer]:
    """Run it on a free port of 127.0.0.1."""
    server = AzureSpeechServer(**told)

    def routes(router: web.UrlDispatcher) -> None:
        router.add_post("/cognitiveservices/v1", server.speech)
        router.add_get("/cognitiveservices/voices/list", server.list)

    async with serving(server, routes):
        yield server
