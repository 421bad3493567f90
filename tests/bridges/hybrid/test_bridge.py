import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from bridges.hybrid.bridge import HybridBridge
from bridges.options import Deadlines, Speculation
from mediaserver.bridge import Opening
from mediaserver.commands import BeginSpeech, Command, DropPrepared, DropSpeech, EndSpeech, Interrupt, Prepare, Respond
from mediaserver.errors import BridgeError
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseCreated,
    ResponseDone,
    TextDelta,
    TextDone,
    ToolCalled,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
    UsageReported,
)
from mediaserver.items import Item, Part, Usage
from mediaserver.settings import Settings, Tool
from mediaserver.speech import FREE, Message, Partial, Piece, Sound, Terms, ToolRequest, Transcript
from tests.cache import engines
from tests.cache.test_spoken import opened

FRAME = b"\0\1" * 320


class Ears:
    """Hears as many words as there were frames."""

    rate = 16000

    def __init__(self) -> None:
        self.open = 0
        self.failure: BridgeError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[Any]:
        self.open += 1
        ears, frames = self, 0

        class Heard:
            def feed(self, pcm: bytes) -> None:
                nonlocal frames
                frames += 1
                on_partial(Partial("word " * frames))

            async def finish(self) -> Transcript:
                await ears.gate.wait()
                if ears.failure:
                    raise ears.failure
                return Transcript(f"{frames} frames")

        try:
            yield Heard()
        finally:
            self.open -= 1


class Mind:
    """Writes its script; stops at an asyncio.Event in it, raises a BridgeError in it."""

    def __init__(self, *script: Any) -> None:
        self.script = script
        self.asked: list[Sequence[Message]] = []
        self.closed = 0

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        self.asked.append(messages)
        try:
            for piece in self.script:
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                elif isinstance(piece, BridgeError):
                    raise piece
                else:
                    yield piece
                    await asyncio.sleep(0)
        finally:
            self.closed += 1


class Mouth:
    """Makes two pieces of sound of each text."""

    rate = 16000
    voices = ("a", "b")

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.failure: BridgeError | None = None
        self.gate: asyncio.Event | None = None
        self.closed = 0

    async def speak(self, text: str, **_: Any) -> AsyncGenerator[Sound, None]:
        self.spoken.append(text)
        try:
            if self.failure:
                raise self.failure
            yield Sound(b"\1\0" * 1600)
            if self.gate:
                await self.gate.wait()
            yield Sound(b"\2\0" * 1600)
        finally:
            self.closed += 1


class Running:
    """A bridge at work, and what it said."""

    def __init__(self, *script: Any, speculate: Speculation = "off", **deadlines: float) -> None:
        self.ears, self.mind, self.mouth = Ears(), Mind(*script), Mouth()
        self.events: list[Event] = []
        self.bridge = HybridBridge(
            self.ears, self.mind, self.mouth, deadlines=Deadlines(**deadlines), speculate=speculate
        )

    async def __aenter__(self) -> "Running":
        ready = asyncio.Event()
        self._task = asyncio.ensure_future(self.bridge.run(Opening(Settings("local")), self.events.append, ready.set))
        await asyncio.wait_for(ready.wait(), 5)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        assert self.ears.open == 0
        assert self.mind.closed == len(self.mind.asked)
        assert self.mouth.closed == len(self.mouth.spoken)

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.bridge.send(command)

    async def until(self, kind: type[Any]) -> Any:
        async with asyncio.timeout(5):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                await asyncio.sleep(0.001)

    def of(self, *kinds: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


def respond(response_id: str = "r1", **settings: Any) -> Respond:
    item = Item("u", role="user", parts=(Part("input_text", "hi"),))
    return Respond(response_id=response_id, settings=Settings("local", **settings), items=(item,))


async def test_writes_down_speech_once_and_hears_from_the_first_frame() -> None:
    async with Running() as running:
        running.bridge.hear(FRAME)
        running.send(BeginSpeech(item_id="i1"))
        for _ in range(3):
            running.bridge.hear(FRAME)
        running.send(EndSpeech(item_id="i1"))
        running.bridge.hear(FRAME)
        assert (await running.until(TranscriptFinal)).text == "3 frames"
        assert [event.item_id for event in running.of(TranscriptPartial)] == ["i1"] * 3


async def test_dropped_speech_is_not_written_down() -> None:
    async with Running() as running:
        running.send(BeginSpeech(item_id="i1"))
        running.bridge.hear(FRAME)
        await asyncio.sleep(0.01)
        running.send(DropSpeech(item_id="i1"), BeginSpeech(item_id="i2"), EndSpeech(item_id="i2"))
        assert (await running.until(TranscriptFinal)).item_id == "i2"
        assert len(running.of(TranscriptFinal, TranscriptFailed)) == 1


async def test_two_turns_can_be_on_their_way_to_text() -> None:
    async with Running() as running:
        running.ears.gate.clear()
        for name in ("i1", "i2"):
            running.send(BeginSpeech(item_id=name))
            running.bridge.hear(FRAME)
            running.send(EndSpeech(item_id=name))
        await asyncio.sleep(0.01)
        running.ears.gate.set()
        await asyncio.sleep(0.01)
        assert {event.item_id for event in running.of(TranscriptFinal)} == {"i1", "i2"}


@pytest.mark.parametrize(
    ("failure", "code"), [(BridgeError("crashed", code="engine_crashed"), "engine_crashed"), (None, "timeout")]
)
async def test_says_when_speech_cannot_be_written_down(failure: BridgeError | None, code: str) -> None:
    async with Running(transcript_s=0.02) as running:
        running.ears.failure = failure
        if failure is None:
            running.ears.gate.clear()
        running.send(BeginSpeech(item_id="i1"), EndSpeech(item_id="i1"))
        assert (await running.until(TranscriptFailed)).code == code


async def test_the_first_clause_is_spoken_before_the_last_is_written() -> None:
    more = asyncio.Event()
    async with Running("Hello there, my friend. ", more, "How **are** you?", Usage(output_tokens=9)) as running:
        running.send(respond())
        first = await running.until(AudioDelta)
        assert (first.text, running.mouth.spoken) == ("Hello there, my friend. ", ["Hello there, my friend."])
        more.set()
        done = await running.until(ResponseDone)
    texts = [delta.text for delta in running.of(AudioDelta)]
    assert texts == ["Hello there, my friend. ", "", "How are you?", ""]
    assert "".join(texts) == "".join(delta.text for delta in running.of(TextDelta)) == running.of(TextDone)[0].text
    assert isinstance(running.events[0], ResponseCreated)
    assert isinstance(running.events[-2], AudioDone)
    assert (done.status, done.usage.output_tokens, done.usage.characters, done.usage.seconds) == (
        "completed",
        9,
        35,
        0.4,
    )


async def test_a_pause_of_the_writer_does_not_silence_the_voice() -> None:
    never = asyncio.Event()
    async with Running("Let me look that ", never, stall_s=0.01) as running:
        running.send(respond())
        assert (await running.until(AudioDelta)).text == "Let me look that "


async def test_an_interruption_stops_everything_at_once() -> None:
    never = asyncio.Event()
    async with Running("One, two, three, four. ", never) as running:
        running.mouth.gate = never
        running.send(respond())
        await running.until(AudioDelta)
        running.send(Interrupt(response_id="r1", reason="turn_detected"))
        done = running.events[-1]
        assert isinstance(done, ResponseDone)
        assert (done.status, done.reason) == ("cancelled", "turn_detected")
        await asyncio.sleep(0.01)
        assert running.events[-1] is done
        assert (running.mind.closed, running.mouth.closed) == (1, 1)


async def test_an_answer_cancelled_before_its_first_step_still_begins_and_ends() -> None:
    async with Running("Hello.") as running:
        running.send(respond(), Interrupt(response_id="r1", reason="client_cancelled"), Interrupt(response_id="r9"))
        assert [type(event) for event in running.events] == [ResponseCreated, ResponseDone]


async def test_a_new_answer_takes_the_place_of_the_old() -> None:
    async with Running("Hello.") as running:
        running.send(respond("r1"), respond("r2"))
        await asyncio.sleep(0.02)
        ends = {event.response_id: event.status for event in running.of(ResponseDone)}
        assert ends == {"r1": "cancelled", "r2": "completed"}


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (["Hello there. ", BridgeError("gone", code="llm_unreachable")], "llm_unreachable"),
        ([BridgeError("gone", code="llm_unreachable")], "llm_unreachable"),
    ],
)
async def test_a_failing_model_fails_the_answer_and_not_the_call(script: list[Any], code: str) -> None:
    async with Running(*script) as running:
        running.send(respond())
        done = await running.until(ResponseDone)
        assert (done.status, done.error_code, done.error_message) == ("failed", code, "gone")
        running.mind.script = ("Again.",)
        running.send(respond("r2"))
        await asyncio.sleep(0.02)
        assert running.of(ResponseDone)[-1].status == "completed"


async def test_a_failing_voice_fails_the_answer() -> None:
    async with Running("Hello there.") as running:
        running.mouth.failure = BridgeError("no voice", code="engine_missing")
        running.send(respond())
        assert (await running.until(ResponseDone)).error_code == "engine_missing"


async def test_a_silent_model_is_given_up() -> None:
    async with Running(asyncio.Event(), first_text_s=0.02) as running:
        running.send(respond())
        assert (await running.until(ResponseDone)).error_code == "llm_timeout"


async def test_a_silent_voice_is_given_up() -> None:
    async with Running("Hello there.", clause_s=0.02) as running:
        running.mouth.gate = asyncio.Event()
        running.send(respond())
        assert (await running.until(ResponseDone)).error_code == "tts_timeout"


async def test_text_only_answers_are_not_spoken_and_keep_their_markup() -> None:
    async with Running("**Hi** there") as running:
        running.send(respond(output_modalities=("text",)))
        await running.until(ResponseDone)
        assert running.of(TextDone)[0].text == "**Hi** there"
        assert running.mouth.spoken == []
        assert running.of(AudioDelta, AudioDone) == []


async def test_what_is_written_before_a_function_call_is_spoken() -> None:
    async with Running("One moment. ", ToolRequest("call_1", "f", "{}")) as running:
        running.send(respond(tools=(Tool("f"),)))
        await running.until(ResponseDone)
        (called,) = running.of(ToolCalled)
        assert (called.call_id, called.name) == ("call_1", "f")
        assert running.mouth.spoken == ["One moment."]


async def test_a_call_alone_has_no_text_and_no_sound() -> None:
    async with Running(ToolRequest("call_1", "f", "{}")) as running:
        running.send(respond(tools=(Tool("f"),)))
        await running.until(ResponseDone)
        assert [type(event) for event in running.events] == [ResponseCreated, ToolCalled, ResponseDone]


async def test_engines_that_do_not_start_end_the_bridge() -> None:
    class Cold(Mouth):
        async def warm(self) -> None:
            await asyncio.Event().wait()

    bridge = HybridBridge(Ears(), Mind(), Cold(), deadlines=Deadlines(warm_s=0.01))
    with pytest.raises(BridgeError) as failed:
        await bridge.run(Opening(Settings("local")), lambda event: None, lambda: None)
    assert failed.value.code == "not_ready"


def test_what_it_can_do_comes_from_its_engines() -> None:
    can = HybridBridge(Ears(), Mind(), Mouth()).capabilities
    assert (can.input_rate, can.output_rate, can.voices, can.hears, can.turns) == (
        16000,
        16000,
        ("a", "b"),
        "speech",
        "session",
    )


# --- begun on a guess -------------------------------------------------------------------------------------------------


def prepare(text: str = "hi") -> Prepare:
    item = Item("u", role="user", parts=(Part("input_audio", text),))
    return Prepare(settings=Settings("local"), items=(item,))


async def test_a_good_guess_is_the_answer_and_the_model_is_asked_once() -> None:
    async with Running("Hello ", "there.", speculate="text") as running:
        running.send(prepare("Hi!"))
        await asyncio.sleep(0.01)
        assert running.events == []
        running.send(respond())
        assert (await running.until(ResponseDone)).status == "completed"
        assert (await running.until(TextDone)).text == "Hello there."
        assert len(running.mind.asked) == 1


@pytest.mark.parametrize("after", [[respond()], [prepare("something else"), respond()], [DropPrepared(), respond()]])
async def test_a_bad_guess_is_thrown_away_and_counted(after: list[Command]) -> None:
    async with Running("Hello.", speculate="text") as running:
        running.send(prepare("goodbye"))
        await asyncio.sleep(0.01)
        running.send(*after)
        assert (await running.until(ResponseDone)).status == "completed"
        assert running.mind.asked[-1][-1].text == "hi"
        reports = running.of(UsageReported)
        assert [report.kind for report in reports] == ["draft"] * (len(running.mind.asked) - 1)
        assert all(report.usage.input_tokens for report in reports)


async def test_an_interruption_stops_what_was_begun_on_a_guess() -> None:
    async with Running("Hello there. ", asyncio.Event(), speculate="speech") as running:
        running.send(prepare())
        await asyncio.sleep(0.01)
        running.send(respond(), Interrupt(response_id="r1"))
        assert (await running.until(ResponseDone)).status == "cancelled"
        await asyncio.sleep(0.01)
        assert running.mind.closed == 1


async def test_what_a_tenant_has_heard_before_is_not_spoken_again() -> None:
    mouth, heard = engines.Mouth(), []
    async with opened() as cache:
        for tenant in ("shop", "shop", "bank"):
            bridge = HybridBridge(Ears(), Mind("We are open from nine to five."), mouth, voice="id")
            opening = Opening(Settings("local"), remember=partial(cache.of, tenant))
            heard.append(await _answered(bridge, opening))
    assert heard[0] == heard[1] == heard[2] and len(heard[0]) == 3 * 960
    spoken = [text for text, *_ in mouth.asked]
    assert (spoken.count("We are open from nine to five."), spoken.count("warm")) == (2, 3)


async def _answered(bridge: HybridBridge, opening: Opening) -> bytes:
    events: list[Event] = []
    ready, over = asyncio.Event(), asyncio.Event()

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, ResponseDone):
            over.set()

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bridge.run(opening, emit, ready.set))
        await ready.wait()
        bridge.send(respond())
        await over.wait()
        running.cancel()
    return b"".join(event.pcm for event in events if isinstance(event, AudioDelta))
