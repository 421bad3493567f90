"""The whole chain over simulated providers: a turn, an interruption, and each stage failing in the middle of a turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bridges import open_bridge
from mediaserver.bridge import Opening
from mediaserver.commands import BeginSpeech, Command, DropSpeech, EndSpeech, Interrupt, Prepare, Respond
from mediaserver.events import AudioDelta, Event, ResponseDone, TextDone, TranscriptFinal
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from tests.fakes.caller import tone
from tests.servers.chat_completions import ChatServer, chat_server, text
from tests.servers.openai_speech import SpeechServer, openai_speech
from tests.servers.openai_speech_to_text import SpeechToTextServer, speech_to_text
from tests.servers.speaking import sound_of

ANSWER = ("Certainly, I can do that. ", "What else may I do for you today?")


@dataclass
class Stage:
    """The providers of the chain, two of each; the second is the first one's fallback."""

    stt: list[SpeechToTextServer] = field(default_factory=list)
    llm: list[ChatServer] = field(default_factory=list)
    tts: list[SpeechServer] = field(default_factory=list)

    def options(self, fallbacks: bool) -> dict[str, Any]:
        lines = {
            "stt": [self._told(f"{one.url}/v1", model="gpt-4o-mini-transcribe") for one in self.stt],
            "llm": [
                {"engine": "openai_compatible", "base_url": one.base_url, "model": "m", "key": "k"} for one in self.llm
            ],
            "tts": [self._told(one.url, model="tts-1") for one in self.tts],
        }
        return {kind: self._line(one, two, fallbacks) for kind, (one, two) in lines.items()}

    @staticmethod
    def _told(url: str, model: str) -> dict[str, Any]:
        return {"engine": "openai", "url": url, "key": "k", "model": model, "attempts": 1}

    @staticmethod
    def _line(one: dict[str, Any], two: dict[str, Any], fallbacks: bool) -> dict[str, Any]:
        return one | ({"fallbacks": [two], "begin_s": 0.5, "stall_s": 0.5} if fallbacks else {})


@dataclass
class Call:
    bridge: Any
    stage: Stage
    events: list[Event] = field(default_factory=list)

    async def until(self, kind: type[Any]) -> Any:
        async with asyncio.timeout(15):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
                await asyncio.sleep(0.005)
        return found[0]

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.bridge.send(command)

    async def say(self) -> str:
        self.send(BeginSpeech(item_id="i1"))
        for at in range(0, 32000, 640):
            self.bridge.hear(tone(1000, 16000)[at : at + 640])
        self.send(EndSpeech(item_id="i1"))
        return str((await self.until(TranscriptFinal)).text)

    async def answer(self) -> ResponseDone:
        self.send(asked("Hello there."))
        done = await self.until(ResponseDone)
        assert isinstance(done, ResponseDone)
        return done

    @property
    def sound(self) -> bytes:
        return b"".join(event.pcm for event in self.events if isinstance(event, AudioDelta))


def asked(words: str) -> Respond:
    return Respond(response_id="r1", settings=Settings("m", voice="coral"), items=said(words))


def said(words: str) -> tuple[Item, ...]:
    return (Item("i1", role="user", parts=(Part("input_audio", words),)),)


@asynccontextmanager
async def calling(*, fallbacks: bool = False, speculate: str = "off") -> AsyncIterator[Call]:
    async with AsyncExitStack() as stack:
        stage = Stage()
        for _ in range(2):
            stage.stt.append(await stack.enter_async_context(speech_to_text()))
            stage.llm.append(await stack.enter_async_context(chat_server()))
            stage.tts.append(await stack.enter_async_context(openai_speech()))
            stage.llm[-1].events = text(*ANSWER)
        options = stage.options(fallbacks) | {"speculate": speculate}
        make = await stack.enter_async_context(open_bridge("hybrid", options))
        call, ready = Call(make("m"), stage), asyncio.Event()
        running = asyncio.ensure_future(
            call.bridge.run(Opening(Settings("m", voice="coral")), call.events.append, ready.set)
        )
        stack.push_async_callback(_ended, running)
        await asyncio.wait_for(ready.wait(), 10)
        yield call


async def _ended(running: asyncio.Future[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_turn_is_written_down_answered_and_spoken() -> None:
    async with calling() as call:
        assert await call.say() == "Hello there."
        assert (await call.answer()).status == "completed"
        assert (await call.until(TextDone)).text == "".join(ANSWER)
        assert call.sound == b"".join(sound_of(clause.strip(), 24000) for clause in ANSWER)


async def test_an_interruption_stops_all_three_providers() -> None:
    async with calling() as call:
        stage = call.stage
        stage.llm[0].events, stage.llm[0].hold = text(*ANSWER)[:3], True
        stage.tts[0].hold = True
        stage.stt[0].faults.hang = True
        call.send(asked("Hello there."))
        await call.until(AudioDelta)
        call.send(BeginSpeech(item_id="i2"))
        for _ in range(20):
            call.bridge.hear(tone(20, 16000))
        call.send(EndSpeech(item_id="i2"))
        async with asyncio.timeout(10):
            while not stage.stt[0].requests:
                await asyncio.sleep(0.005)
        call.send(Interrupt(response_id="r1"), DropSpeech(item_id="i2"))
        assert (await call.until(ResponseDone)).status == "cancelled"
        async with asyncio.timeout(10):
            await stage.stt[0].left.wait()
            await stage.llm[0].left.wait()
            await stage.tts[0].left.wait()


async def test_what_was_begun_on_a_guess_is_what_is_heard() -> None:
    async with calling(speculate="speech") as call:
        call.send(Prepare(settings=Settings("m", voice="coral"), items=said("hello there")))
        async with asyncio.timeout(10):
            while not call.stage.tts[0].asked:
                await asyncio.sleep(0.005)
        assert call.events == []
        assert (await call.answer()).status == "completed"
        assert len(call.stage.llm[0].requests) == 1
        assert [one["input"] for one in call.stage.tts[0].asked] == [clause.strip() for clause in ANSWER]


async def test_another_recogniser_hears_the_turn_again() -> None:
    async with calling(fallbacks=True) as call:
        call.stage.stt[0].faults.drops = 1
        assert await call.say() == "Hello there."
        assert call.stage.stt[1].billed_s >= 0.99


async def test_another_model_goes_on_after_the_last_word() -> None:
    async with calling(fallbacks=True) as call:
        call.stage.llm[0].events, call.stage.llm[0].hold = text(*ANSWER)[:2], True
        call.stage.llm[1].events = text(ANSWER[1])
        assert (await call.answer()).status == "completed"
        assert (await call.until(TextDone)).text == "".join(ANSWER)
        assert [*call.stage.llm[1].requests[0]["messages"]][-2]["content"] == ANSWER[0]


async def test_another_voice_speaks_the_words_that_are_missing() -> None:
    async with calling(fallbacks=True) as call:
        call.stage.tts[0].cut = 24000
        assert (await call.answer()).status == "completed"
        first, *rest = (one["input"] for one in call.stage.tts[1].asked)
        assert (first == "can do that." and rest == []) or ANSWER[0].strip().endswith(first)
        assert len(call.sound) > 48000


async def test_nobody_is_left() -> None:
    async with calling(fallbacks=True) as call:
        for server in call.stage.llm:
            server.status, server.error = 503, {"message": "busy"}
        done = await call.answer()
        assert (done.status, done.error_code) in [("failed", "unavailable"), ("failed", "provider_error")]
        assert done.usage is not None and done.usage.input_tokens == 0
