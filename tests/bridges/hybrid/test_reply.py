import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from bridges.hybrid import reply as module
from bridges.hybrid.reply import Reply
from bridges.options import Deadlines
from mediaserver.commands import Respond
from mediaserver.events import AudioDelta, Event, ResponseDone, WordTime
from mediaserver.settings import Settings
from mediaserver.speech import FREE, Message, Sound, Terms


class Mind:
    def __init__(self, *script: str) -> None:
        self.script = script
        self.terms = FREE

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[str, None]:
        self.terms = terms
        for piece in self.script:
            yield piece


class Mouth:
    """Half a second for each text, with two words in it."""

    rate = 16000
    voices = ("a",)

    async def speak(self, text: str, **_: Any) -> AsyncGenerator[Sound, None]:
        yield Sound(b"\1\0" * 4000, (WordTime(text, 100, 200),))
        yield Sound(b"\1\0" * 4000, (WordTime("so", 300, 400),))  # from the start of the text, not of this piece


async def made(mind: Mind, *, clock: Any = lambda: 0.0, **settings: Any) -> list[Event]:
    events: list[Event] = []
    ask = Respond(response_id="r1", settings=Settings("local", **settings))
    reply = Reply(ask, events.append, Deadlines(), clock)
    reply.begin()
    await asyncio.wait_for(reply.run(mind, Mouth()), 5)
    return events


async def test_times_of_words_count_from_the_start_of_the_item() -> None:
    events = await made(Mind("The first sentence is here. ", "The second sentence is here."))
    words = [word for event in events if isinstance(event, AudioDelta) for word in event.words]
    assert [(word.start_ms, word.end_ms) for word in words] == [(100, 200), (300, 400), (600, 700), (800, 900)]


async def test_the_settings_reach_the_model() -> None:
    mind = Mind("Hi.")
    choice = {"type": "function", "name": "f"}
    await made(mind, tool_choice=choice, max_output_tokens=7, temperature=0.5)
    assert mind.terms == Terms((), "f", 7, 0.5)


async def test_nothing_is_said_after_a_stop() -> None:
    events: list[Event] = []
    reply = Reply(Respond(response_id="r1", settings=Settings("local")), events.append, Deadlines(), lambda: 0.0)
    reply.begin()
    reply.stop("turn_detected")
    await reply.run(Mind("Hello."), Mouth())
    assert [type(event) for event in events][1:] == [ResponseDone]


async def test_does_not_speak_far_ahead_of_the_listener(monkeypatch: Any) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    await made(Mind(*["This is one more sentence. "] * 64))
    assert waits[1] == 0
    assert waits[-1] == 31.5 - 2 * 0.5 - module.SECONDS_AHEAD  # two clauses are on their way


async def test_the_voice_is_asked_while_what_came_in_one_go_is_still_being_taken() -> None:
    order: list[str] = []

    class Counting(Mouth):
        async def speak(self, text: str, **options: Any) -> AsyncGenerator[Sound, None]:
            order.append("asked")
            yield Sound(b"\1\0" * 8000)

    ask = Respond(response_id="r1", settings=Settings("local"))
    reply = Reply(ask, lambda event: order.append(type(event).__name__), Deadlines(), lambda: 0.0)
    await asyncio.wait_for(reply.run(Mind("The first sentence is here. ", *["and so on "] * 20), Counting()), 5)
    assert order.count("TextDelta") == 21
    assert order.index("asked") < 10
