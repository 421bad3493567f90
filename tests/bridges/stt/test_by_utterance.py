"""Live speech out of an engine that takes files: what is sent, what is not, and what the caller sees meanwhile."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator

import pytest

from bridges.stt.by_utterance import RATE, ByUtterance, room
from bridges.stt.options import Whole
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileTranscript, Partial, SoundFile
from tests.bridges.stt.engines import say, tone


class Files:
    """An engine of files that says a text for each request; with ``gate`` it waits for that before it says anything."""

    file_limits = FileLimits()

    def __init__(self, *texts: tuple[str, ...], can: frozenset[FileFeature] = frozenset()) -> None:
        self.file_features = can
        self.texts = list(texts)
        self.sounds: list[SoundFile] = []
        self.asks: list[FileAsk] = []
        self.asked = asyncio.Event()
        self.gate: asyncio.Event | None = None
        self.warmed = self.stopped = 0
        self.ends = True

    async def warm(self) -> None:
        self.warmed += 1

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncIterator[str | FileTranscript]:
        self.sounds.append(sound)
        self.asks.append(ask)
        self.asked.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        text = self.texts.pop(0)
        if text == ("fails",):
            raise BridgeError("no", code="unavailable")
        for piece in text:
            yield piece
        if self.ends:
            yield FileTranscript("".join(text), "en", usage=Usage(input_tokens=10, source="provider"))


EARLY = Whole(partials_every_s=0.001)
HELLO = ("Hello", " there.")


async def test_the_turn_goes_as_a_file_and_its_text_is_shown_as_it_comes() -> None:
    files, partials = Files(HELLO), []
    transcript = await say(ByUtterance(files, Whole()), tone(), partials)
    assert (transcript.text, transcript.language) == ("Hello there.", "en")
    assert transcript.usage == Usage(input_tokens=10, source="provider")
    assert partials == [Partial("Hello", 5), Partial("Hello there.", 12)]
    sound = files.sounds[0]
    with wave.open(io.BytesIO(sound.data)) as opened:
        assert (opened.getframerate(), opened.readframes(RATE)) == (RATE, tone())
    assert (sound.kind, sound.duration) == ("wav", 0.5)


async def test_the_connection_is_made_while_the_caller_speaks() -> None:
    files = Files()
    async with ByUtterance(files, Whole()).utterance(lambda partial: None):
        await asyncio.sleep(0)
        assert files.warmed == 1 and not files.sounds


async def test_only_what_the_engine_knows_is_asked() -> None:
    files = Files(HELLO, HELLO)
    await say(ByUtterance(files, Whole()), tone(), language="en", prompt="Neme")
    files.file_features = frozenset({"language", "prompt"})
    await say(ByUtterance(files, Whole()), tone(), language="en", prompt="Neme")
    assert files.asks == [FileAsk(), FileAsk("en", "Neme")]


async def test_no_more_is_kept_than_the_longest_turn() -> None:
    files = Files(HELLO)
    await say(ByUtterance(files, Whole(max_turn_s=0.25)), tone())
    assert files.sounds[0].duration == 0.25


def test_the_longest_turn_is_what_one_request_may_hold() -> None:
    assert room(FileLimits(), 1.0) == 32000
    assert room(FileLimits(max_seconds=60.0), 120.0) == 60 * 32000
    assert room(FileLimits(max_bytes=1045), 120.0) == 1000


@pytest.mark.parametrize("pcm", [b"", tone(0.05), bytes(32000), b"\x05\x00\xfb\xff" * 8000], ids=len)
async def test_what_holds_no_word_is_not_sent(pcm: bytes) -> None:
    files = Files()
    transcript = await say(ByUtterance(files, EARLY), pcm)
    assert (transcript.text, transcript.usage, files.sounds) == ("", None, [])


async def test_what_was_said_so_far_is_shown_while_the_caller_speaks_and_counted() -> None:
    files = Files(("Hello the",), ("Hello there.",), ("Hello ", "there. ", "How are you?"))
    partials: list[Partial] = []
    arrived = asyncio.Event()

    def show(partial: Partial) -> None:
        partials.append(partial)
        arrived.set()

    async with asyncio.timeout(5), ByUtterance(files, EARLY).utterance(show) as utterance:
        for _ in range(2):
            arrived.clear()
            utterance.feed(tone())
            await arrived.wait()
        transcript = await utterance.finish()
    # What streams at the end is shown from where it says more.
    assert partials == [
        Partial("Hello the", 0),
        Partial("Hello there.", 9),
        Partial("Hello there. ", 13),
        Partial("Hello there. How are you?", 25),
    ]
    assert transcript.text == "Hello there. How are you?"
    assert transcript.usage == Usage(input_tokens=30, source="provider")
    assert [sound.duration for sound in files.sounds] == [0.5, 1.0, 1.0]


async def test_what_is_being_written_early_at_the_end_is_stopped_and_counted() -> None:
    files = Files(HELLO)
    files.gate = asyncio.Event()
    async with asyncio.timeout(5), ByUtterance(files, EARLY).utterance(lambda partial: None) as utterance:
        utterance.feed(tone())
        await files.asked.wait()
        async with asyncio.TaskGroup() as tasks:
            finishing = tasks.create_task(utterance.finish())
            while not files.stopped:
                await asyncio.sleep(0)
            files.gate.set()
    assert finishing.result().usage == Usage(input_tokens=10, seconds=0.5)


async def test_early_writing_that_fails_leaves_the_turn_alone() -> None:
    files = Files(("fails",), HELLO)
    async with asyncio.timeout(5), ByUtterance(files, EARLY).utterance(lambda partial: None) as utterance:
        utterance.feed(tone())
        await files.asked.wait()
        assert (await utterance.finish()).text == "Hello there."
    assert len(files.sounds) == 2


async def test_leaving_without_an_end_stops_the_engine() -> None:
    files = Files(HELLO)
    files.gate = asyncio.Event()
    async with asyncio.timeout(5), ByUtterance(files, EARLY).utterance(lambda partial: None) as utterance:
        utterance.feed(tone())
        await files.asked.wait()
    assert files.stopped == 1


async def test_what_fails_inside_leaves_as_it_is() -> None:
    files = Files(("fails",))
    with pytest.raises(BridgeError) as failed:
        await say(ByUtterance(files, EARLY), tone())
    assert failed.value.code == "unavailable"


async def test_an_engine_that_says_no_end_has_failed() -> None:
    files = Files(HELLO)
    files.ends = False
    with pytest.raises(BridgeError) as failed:
        await say(ByUtterance(files, Whole()), tone())
    assert failed.value.code == "protocol_error"


async def test_who_is_cancelled_goes_at_once() -> None:
    files = Files(HELLO)
    files.gate = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        turn = tasks.create_task(say(ByUtterance(files, Whole()), tone()))
        await files.asked.wait()
        turn.cancel()
    assert turn.cancelled() and files.stopped == 1


async def turned(files: Files, *, on_pause: bool, goes_on: bool) -> tuple[str, float]:
    engine = ByUtterance(files, Whole(on_pause=on_pause))
    async with engine.utterance(lambda partial: None) as turn:
        turn.feed(tone(1.0))
        turn.paused()
        await asyncio.sleep(0.01)
        turn.feed(bytes(9600))
        if goes_on:
            turn.resumed()
            turn.feed(tone(1.0))
        transcript = await turn.finish()
    return transcript.text, transcript.usage.seconds if transcript.usage else 0.0


async def test_a_pause_that_was_the_end_has_been_written_down_already() -> None:
    files = Files(("yes",), ("again",))
    assert (await turned(files, on_pause=True, goes_on=False))[0] == "yes"
    assert [round(sound.duration, 1) for sound in files.sounds] == [1.0]


async def test_a_pause_that_was_not_is_written_down_again_and_nothing_is_asked_where_it_is_not_wanted() -> None:
    files = Files(("yes",), ("yes please",))
    assert (await turned(files, on_pause=True, goes_on=True))[0] == "yes please"
    assert [round(sound.duration, 1) for sound in files.sounds] == [1.0, 2.3]
    files = Files(("yes please",))
    await turned(files, on_pause=False, goes_on=True)
    assert len(files.sounds) == 1
