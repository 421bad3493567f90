"""A provider's bridge on a real socket to whose simulator something nonsensical comes to mind before it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.bridge import Opening
from mediaserver.events import ResponseDone
from mediaserver.settings import Settings
from tests.bridges.talk import Talk, opened
from tests.servers.fleet import FLEET
from tests.servers.provider import Faults

PROVIDERS: dict[str, dict[str, Any]] = {"elevenlabs": {"end_of_reply_s": 0.6}, "ultravox": {}, "gemini": {}}
"""Each with the options that make it quick."""

NONSENSE = ("bad_json", "array", "wrong_types", "empty", "deep", "binary")
ITS_OWN = {"gemini": ("bad_base64", "odd_pcm", "bad_call")}
NEWS = (("unknown_event",) * 5, ("huge_number",))
A_LITTLE = dict.fromkeys(("elevenlabs", "ultravox"), (("bad_json", "wrong_types"), *NEWS)) | {
    "gemini": (("bad_json", "odd_pcm"), *NEWS, ("surrogate",))
}


@asynccontextmanager
async def asked(provider: str, *garbage: str) -> AsyncIterator[Talk]:
    entry = FLEET[provider]
    async with entry.make(faults=Faults(garbage=garbage), speed=50) as server:
        options = {**entry.options(server), **PROVIDERS[provider]}
        async with opened(provider, options, Opening(Settings("m"))) as talk:
            talk.ask("hello")
            yield talk


@pytest.mark.parametrize(
    ("provider", "name"), [(each, name) for each in PROVIDERS for name in (*NONSENSE, *ITS_OWN.get(each, ()))]
)
async def test_three_messages_of_nonsense_end_it(provider: str, name: str) -> None:
    async with asked(provider, *(name,) * 3) as talk:
        assert (await talk.failed()).code == "protocol_error"


@pytest.mark.parametrize(("provider", "names"), [(each, names) for each in PROVIDERS for names in A_LITTLE[each]])
async def test_a_little_nonsense_and_news_are_survived(provider: str, names: tuple[str, ...]) -> None:
    async with asked(provider, *names) as talk:
        assert (await talk.until(ResponseDone)).status == "completed"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_message_that_is_too_large_ends_it(provider: str) -> None:
    async with asked(provider, "oversize") as talk:
        assert (await talk.failed()).code == "too_large"
