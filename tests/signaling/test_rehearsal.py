from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from mediaserver.audio.opus import Library, OpusSettings
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound
from signaling import rehearsal
from signaling.rehearsal import RATE, REHEARSAL_S, rehearsed
from tests.fakes import virtual_time
from tests.fakes.caller import tone


@dataclass
class Voice:
    rate: int = 16000
    takes_s: float = 0.1
    fails: BridgeError | None = None
    spoken: list[str] = field(default_factory=list)
    open: bool = False
    voices: tuple[str, ...] = ("amy",)

    async def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncIterator[Sound]:
        if self.fails is not None:
            raise self.fails
        self.spoken.append(text)
        for _ in range(2):
            await asyncio.sleep(self.takes_s / 2)
            yield Sound(tone(500, self.rate))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Voice]:
        self.open = True
        try:
            yield self
        finally:
            self.open = False


def test_phrases_fill_up_in_the_background_at_their_own_rate() -> None:
    async def scenario() -> None:
        voice = Voice()
        async with rehearsed(("Sorry.", "Wait."), voice.opened, OpusSettings(16000)) as phrases:
            assert phrases.pcm("Sorry.", RATE) is None
            await asyncio.sleep(1)
            sound = phrases.pcm("Sorry.", RATE)
            assert sound is not None
            assert abs(len(sound) - RATE * 2) <= 2 * 48
            assert voice.spoken == ["Sorry.", "Wait."]
            assert not voice.open
            packets = phrases.packets("Sorry.")
            assert len(packets) == 51  # the last one lets out what the encoder holds back
            assert abs(sum(len(packet.opus) for packet in packets) * 8 - 16000) < 8000

    virtual_time.run(scenario())


def test_without_libopus_a_phrase_is_encoded_when_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "libopus", lambda: Library("none", "", "", None))

    async def scenario() -> None:
        async with rehearsed(("Sorry.",), Voice().opened) as phrases:
            await asyncio.sleep(1)
            assert phrases.pcm("Sorry.", RATE)
            assert phrases.packets("Sorry.") == ()

    virtual_time.run(scenario())


def test_a_server_that_stops_meanwhile_waits_for_nobody() -> None:
    async def scenario() -> None:
        voice = Voice(takes_s=30)
        async with rehearsed(("Sorry.",), voice.opened):
            await asyncio.sleep(1)
            assert voice.open
        assert not voice.open

    virtual_time.run(scenario())


@pytest.mark.parametrize("voice", [Voice(fails=BridgeError("the key sk-secret")), Voice(takes_s=2 * REHEARSAL_S)])
def test_without_a_voice_the_server_runs_and_says_so(voice: Voice, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with rehearsed(("Sorry.",), voice.opened) as phrases:
            await asyncio.sleep(REHEARSAL_S + 1)
            assert phrases.pcm("Sorry.", RATE) is None

    virtual_time.run(scenario())
    assert "no voice of its own" in caplog.text
    assert "sk-secret" not in caplog.text


def test_nothing_to_say_opens_no_voice() -> None:
    async def scenario() -> None:
        voice = Voice()
        async with rehearsed((), voice.opened):
            await asyncio.sleep(1)
        assert not voice.spoken

    virtual_time.run(scenario())
