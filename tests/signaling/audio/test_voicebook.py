from __future__ import annotations

from typing import Any

import pytest

from mediaserver.errors import BadRequest, BridgeError
from mediaserver.speech import VoiceFacts
from signaling.audio.voicebook import KEPT_S, VoiceBook, cloner, lister


class Plain:
    voices = ("en-US", "de-DE")


class Listing(Plain):
    asked = 0

    async def list_voices(self) -> list[VoiceFacts]:
        self.asked += 1
        return [VoiceFacts("v1", "Ann"), VoiceFacts("v2", "Bob")]


class Making(Listing):
    async def clone_voice(self) -> None: ...


class Silent:
    voices = ()


async def choose(engine: Any, asked: str, **aliases: str) -> str:
    return await VoiceBook(aliases).choose("m", engine, asked)


@pytest.mark.parametrize(
    ("engine", "asked", "found"),
    [
        (Plain(), "", ""),
        (Plain(), "de-DE", "de-DE"),
        (Plain(), "alloy", "en-US"),
        (Listing(), "en-US", "en-US"),
        (Listing(), "v2", "v2"),
        (Listing(), "ann", "v1"),
        (Listing(), "nova", "v2"),
    ],
)
async def test_a_voice_is_found_by_its_name_or_another(engine: Any, asked: str, found: str) -> None:
    assert await choose(engine, asked, alloy="en-US", nova="v2") == found


@pytest.mark.parametrize(("engine", "named"), [(Plain(), "en-US, de-DE"), (Listing(), "v1, v2")])
async def test_an_unknown_voice_is_told_what_there_is(engine: Any, named: str) -> None:
    with pytest.raises(BadRequest, match=named) as refused:
        await choose(engine, "nobody")
    assert (refused.value.code, refused.value.param) == ("voice_not_found", "voice")


async def test_the_id_of_a_voice_that_was_made_need_not_be_listed() -> None:
    book, making, plain = VoiceBook({}), Making(), Plain()
    assert await book.choose("m", making, "voice_123", made=True) == "voice_123"
    for engine, made in ((making, False), (plain, True)):
        with pytest.raises(BadRequest):
            await book.choose("m", engine, "voice_123", made=made)
        book.forget("m")


async def test_where_no_voice_is_known_any_may_be_one() -> None:
    assert await choose(Silent(), "nova") == "nova" and await choose(Silent(), "nova", nova="x") == "x"


async def test_a_provider_is_asked_now_and_then_only() -> None:
    now, engine = 0.0, Listing()
    book = VoiceBook({}, lambda: now)
    for _ in range(3):
        assert len(await book.voices("m", engine)) == 2  # type: ignore[arg-type]
    assert engine.asked == 1
    book.forget("m")
    await book.voices("m", engine)  # type: ignore[arg-type]
    now = KEPT_S
    await book.voices("m", engine)  # type: ignore[arg-type]
    assert engine.asked == 3


async def test_a_provider_that_does_not_answer() -> None:
    class Away(Plain):
        async def list_voices(self) -> list[VoiceFacts]:
            raise BridgeError("away", code="unavailable")

    book, away = VoiceBook({}), Away()
    assert [facts.id for facts in await book.some("m", away)] == ["en-US", "de-DE"]  # type: ignore[arg-type]
    with pytest.raises(BridgeError):
        await book.voices("m", away)  # type: ignore[arg-type]


def test_what_an_engine_can_do() -> None:
    assert lister(Plain()) is None and lister(Listing()) is not None  # type: ignore[arg-type]
    assert cloner(Listing()) is None  # type: ignore[arg-type]
