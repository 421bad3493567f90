"""The embedded engines end to end: what the voice says the recogniser hears, and a whole turn goes through the chain."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from bridges import open_bridge
from bridges.local.recogniser import Recogniser, open_recogniser
from bridges.local.voice import Voice, open_voice
from bridges.options import LocalRecogniser, LocalVoice
from mediaserver.bridge import Opening
from mediaserver.commands import BeginSpeech, EndSpeech, Respond
from mediaserver.events import AudioDelta, Event, ResponseDone, TextDone, TranscriptFinal, TranscriptPartial
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from mediaserver.speech import Partial
from signaling.headless.scoring import word_errors
from tests import clips

pytestmark = pytest.mark.engines
SENTENCES = (
    "the weather is very nice in the city today",
    "there are seven days in a week and twelve months in a year",
    "my brother works in a hospital near the river",
    "we will meet at the station in the morning",
)


@pytest.fixture
async def voice() -> AsyncIterator[Voice]:
    async with open_voice(LocalVoice()) as engine:
        yield engine


@pytest.fixture
async def recogniser() -> AsyncIterator[Recogniser]:
    async with open_recogniser(LocalRecogniser(workers=1)) as engine:
        await engine.warm()
        yield engine


async def said(engine: Voice, text: str, **how: object) -> bytes:
    return b"".join([sound.pcm async for sound in engine.speak(text, **how)])  # type: ignore[arg-type]


async def heard(recogniser: Recogniser, pcm: bytes) -> tuple[str, list[Partial]]:
    partials: list[Partial] = []
    sound = bytes(9600) + pcm + bytes(16000)
    async with recogniser.utterance(partials.append) as utterance:
        for at in range(0, len(sound), 640):
            utterance.feed(sound[at : at + 640])
        return (await asyncio.wait_for(utterance.finish(), 20)).text, partials


async def test_what_is_said_is_heard(voice: Voice, recogniser: Recogniser) -> None:
    wrong = total = 0
    for sentence in SENTENCES:
        text, partials = await heard(recogniser, await said(voice, sentence))
        wrong, total = wrong + word_errors(sentence.split(), text.split()), total + len(sentence.split())
        assert partials
    assert wrong / total < 0.4


async def test_speech_in_transcript_answer_and_speech_out() -> None:
    events: list[Event] = []
    ready = asyncio.Event()

    async def until(kind: type[Event]) -> None:
        async with asyncio.timeout(20):
            while not any(isinstance(event, kind) for event in events):
                await asyncio.sleep(0.01)

    settings = Settings("local")
    async with open_bridge("hybrid", {"stt": {"workers": 1}}) as make, asyncio.TaskGroup() as tasks:
        bridge = make("local")
        running = tasks.create_task(bridge.run(Opening(settings), events.append, ready.set))
        await asyncio.wait_for(ready.wait(), 20)
        bridge.send(BeginSpeech(item_id="i1"))
        sound = bytes(9600) + clips.clip("english123").pcm + bytes(9600)
        for at in range(0, len(sound), 640):
            bridge.hear(sound[at : at + 640])
        bridge.send(EndSpeech(item_id="i1"))
        await until(TranscriptFinal)
        (transcript,) = [event.text for event in events if isinstance(event, TranscriptFinal)]
        user = Item("i1", role="user", parts=(Part("input_audio", transcript),))
        bridge.send(Respond(response_id="r1", settings=settings, items=(user,)))
        await until(ResponseDone)
        running.cancel()
    assert transcript == "one two three"
    assert any(isinstance(event, TranscriptPartial) for event in events)
    (written,) = [event.text for event in events if isinstance(event, TextDone)]
    assert re.fullmatch(r"I heard: one two three\.", written)
    sounds = [event for event in events if isinstance(event, AudioDelta)]
    assert "".join(event.text for event in sounds) == written
    assert sum(len(event.pcm) for event in sounds) > bridge.capabilities.output_rate
    assert isinstance(events[-1], ResponseDone)
    assert events[-1].status == "completed"
