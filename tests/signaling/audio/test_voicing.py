from __future__ import annotations

from contextlib import aclosing

import pytest

from mediaserver.errors import BridgeError
from signaling.audio import voicing
from signaling.audio.voicing import voiced
from signaling.audio.wish import Wish
from tests.signaling.audio.stage import Mouth


async def test_a_long_text_is_spoken_in_parts_that_know_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voicing, "parts", lambda text: ["One two.", "Three."])
    mouth = Mouth()
    made = b"".join([piece async for piece in voiced(mouth, Wish("One two. Three.", response_format="pcm"), "bob")])
    assert len(made) == 3 * 2400 * 2
    assert [(text, voice, manner.before) for text, voice, _, manner in mouth.said] == [
        ("One two.", "bob", ""),
        ("Three.", "bob", "One two."),
    ]


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
async def test_pcm_has_24_khz_whatever_the_engine(rate: int) -> None:
    made = [piece async for piece in voiced(Mouth(rate), Wish("one two", response_format="pcm"), "")]
    assert abs(len(b"".join(made)) - 2 * 2400 * 2) < 100


async def test_an_engine_without_sound_makes_no_file() -> None:
    assert [piece async for piece in voiced(Mouth(), Wish("...", response_format="wav"), "")] == []


async def test_closing_stops_the_engine() -> None:
    mouth = Mouth()
    async with aclosing(voiced(mouth, Wish("one two three", response_format="pcm"), "")) as made:
        await anext(made)
    assert mouth.stopped == 1


async def test_a_failure_is_the_engines_own() -> None:
    mouth = Mouth(fails=BridgeError("no"))
    with pytest.raises(BridgeError):
        async for _ in voiced(mouth, Wish("one fail", response_format="pcm"), ""):
            pass
