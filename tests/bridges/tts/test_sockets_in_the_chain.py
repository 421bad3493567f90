"""An answer of the chain spoken by a provider: its words in the answer's own time, and what a caller who cuts in ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise

import pytest

from bridges.hybrid.reply import Reply
from bridges.options import Deadlines
from mediaserver.clock import monotonic
from mediaserver.commands import Respond
from mediaserver.events import AudioDelta, Event, ResponseDone
from mediaserver.settings import Settings
from mediaserver.speech import FREE, Message, Terms
from tests.bridges.tts.voices import SOCKETS, speaking, until

SENTENCES = ("This is the first sentence of it. ", "Here comes the second one. ", "And the third is the last.")


class Mind:
    """Writes the sentences."""

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[str, None]:
        for sentence in SENTENCES:
            yield sentence


def beginning(events: list[Event]) -> Reply:
    reply = Reply(Respond(response_id="r1", settings=Settings("m")), events.append, Deadlines(), monotonic)
    reply.begin()
    return reply


async def test_the_words_of_all_clauses_are_told_in_the_time_of_the_answer() -> None:
    events: list[Event] = []
    async with speaking("elevenlabs-websocket") as (engine, server):
        await beginning(events).run(Mind(), engine)
        assert len(server.connections) == 1
    words = [word for event in events if isinstance(event, AudioDelta) for word in event.words]
    assert [word.text for word in words] == "".join(SENTENCES).split()
    assert all(earlier.start_ms < later.start_ms for earlier, later in pairwise(words))
    heard = sum(len(event.pcm) for event in events if isinstance(event, AudioDelta)) / 2 / 16000
    assert words[-1].end_ms <= heard * 1000
    assert isinstance(events[-1], ResponseDone) and events[-1].status == "completed"


@pytest.mark.parametrize("way", SOCKETS)
async def test_a_caller_who_cuts_in_stops_every_clause_that_was_begun(way: str) -> None:
    events: list[Event] = []
    async with speaking(way, speed=1.0) as (engine, server):
        answer = asyncio.create_task(beginning(events).run(Mind(), engine))
        await until(lambda: any(isinstance(event, AudioDelta) for event in events) and len(server.truth.rows) >= 2)
        begun = len(server.truth.rows)
        answer.cancel()
        await until(lambda: server.left + sum(each.ws.closed for each in server.connections) >= begun)
        await asyncio.gather(answer, return_exceptions=True)
        assert len(server.truth.rows) == begun
