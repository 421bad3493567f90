"""A voice behind HTTP in an answer of the chain: heard clause by clause, stopped by an interruption, failing by itself."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from bridges.hybrid.reply import Reply
from bridges.options import Deadlines
from mediaserver.clock import monotonic
from mediaserver.commands import Respond
from mediaserver.events import AudioDelta, Event, ResponseDone
from mediaserver.settings import Settings
from mediaserver.speech import FREE, Terms
from tests.bridges.tts.engines import ENGINES
from tests.servers.speaking import sound_of

CLAUSES = ("The first sentence is this one. ", "And here comes the second.")


class Mind:
    async def reply(self, messages: Any, terms: Terms = FREE) -> AsyncGenerator[str, None]:
        for clause in CLAUSES:
            yield clause


def answer(events: list[Event]) -> Reply:
    reply = Reply(
        Respond(response_id="r1", settings=Settings("local", voice="coral")), events.append, Deadlines(), monotonic
    )
    reply.begin()
    return reply


def sounds(events: list[Event]) -> list[AudioDelta]:
    return [event for event in events if isinstance(event, AudioDelta)]


async def test_each_clause_is_asked_for_and_heard_in_order() -> None:
    events: list[Event] = []
    async with ENGINES[0].serve(delay_s=0.01) as server, ENGINES[0].open(server) as voice:
        await asyncio.wait_for(answer(events).run(Mind(), voice), 5)
    assert [each["input"] for each in server.asked] == [clause.strip() for clause in CLAUSES]
    assert {each["voice"] for each in server.asked} == {"coral"}
    assert b"".join(each.pcm for each in sounds(events)) == b"".join(sound_of(c.strip(), 24000) for c in CLAUSES)
    assert [each.text for each in sounds(events) if each.text] == list(CLAUSES)


async def test_an_interruption_stops_the_provider() -> None:
    events: list[Event] = []
    async with ENGINES[0].serve(hold=True) as server, ENGINES[0].open(server) as voice, asyncio.timeout(5):
        reply = answer(events)
        running = asyncio.create_task(reply.run(Mind(), voice))
        while not sounds(events):
            await asyncio.sleep(0.001)
        reply.stop("turn_detected")
        running.cancel()
        await server.left.wait()
    assert isinstance(events[-1], ResponseDone) and events[-1].status == "cancelled"


async def test_a_voice_that_refuses_fails_the_answer_and_says_why() -> None:
    events: list[Event] = []
    async with ENGINES[0].serve(status=401) as server, ENGINES[0].open(server) as voice:
        await asyncio.wait_for(answer(events).run(Mind(), voice), 5)
    done = events[-1]
    assert isinstance(done, ResponseDone) and (done.status, done.error_code) == ("failed", "unauthorized")
