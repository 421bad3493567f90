"""What goes wrong with engines behind REST: the same for each, in turns of a call and in files."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from bridges.backup.ears import BackupEars
from bridges.backup.line import Line, Patience
from bridges.hybrid.hearing import Hearing
from bridges.options import Deadlines
from mediaserver.errors import BridgeError
from mediaserver.events import Event, TranscriptFailed, TranscriptFinal, TranscriptPartial
from mediaserver.settings import Transcription
from mediaserver.speech import FileAsk
from tests.bridges.stt.engines import ENGINES, file, opened, say, tone, write_down
from tests.servers.rest import GARBAGE, Faults

SHAPES = ("openai", "whisper", "google")
"""One of each shape of an answer: a stream, OpenAI's whole ones, and Google's."""

SILENT = (Faults(hang=True), Faults(hold_after=20))
"""Before its answer, and in the middle of it."""


async def refused(stt: Any) -> BridgeError:
    with pytest.raises(BridgeError) as failed:
        await say(stt, tone())
    return failed.value


async def stopped(server: Any) -> None:
    async with asyncio.timeout(5):
        await server.left.wait()
    server.left.clear()


async def works(stt: Any) -> bool:
    return bool((await say(stt, tone())).text == "Hello there.")


@pytest.mark.parametrize("name", SHAPES)
async def test_nothing_is_asked_when_nothing_was_said(name: str) -> None:
    async with opened(name) as (server, stt):
        for pcm in (b"", tone(0.05), bytes(32000), b"\x05\x00\xfb\xff" * 8000):
            transcript = await say(stt, pcm)
            assert (transcript.text, transcript.usage) == ("", None)
        assert server.tries == 0


@pytest.mark.parametrize("name", SHAPES)
async def test_a_connection_can_be_made_ahead_of_the_first_turn(name: str) -> None:
    async with opened(name) as (server, stt):
        await stt.warm()
        assert len(server.connections) == 1 and server.tries == 0
        assert (await write_down(stt, file()))[1].text == "Hello there."
        assert len(server.connections) == 1


@pytest.mark.parametrize("name", SHAPES)
async def test_an_answer_that_is_cut_off_is_lost_and_not_asked_for_again(name: str) -> None:
    async with opened(name) as (server, stt):
        server.faults.cut_after = 20
        failure = await refused(stt)
        assert (failure.code, failure.retryable, server.tries) == ("connection_lost", True, 1)
        server.faults.cut_after = None
        assert await works(stt)


@pytest.mark.parametrize("name", SHAPES)
async def test_a_connection_that_closes_before_the_answer_is_tried_again(name: str) -> None:
    async with opened(name) as (server, stt):
        server.faults.drops = 1
        assert await works(stt) and server.tries == 2


@pytest.mark.parametrize("name", SHAPES)
async def test_a_server_that_falls_silent_is_given_up(name: str) -> None:
    async with opened(name, connect_s=0.05, answer_s=0.2, between_s=0.1) as (server, stt):
        for silent in SILENT:
            server.faults, server.tries = replace(silent), 0
            assert (await refused(stt)).code == "timeout" and server.tries == 1
            await stopped(server)


@pytest.mark.parametrize("name", SHAPES)
async def test_who_goes_away_stops_a_slow_server(name: str) -> None:
    async with opened(name) as (server, stt):
        for silent in SILENT:
            server.faults, server.tries = replace(silent), 0
            async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
                turn = tasks.create_task(say(stt, tone()))
                while not server.tries:
                    await asyncio.sleep(0.005)
                turn.cancel()
            await stopped(server)


async def test_who_leaves_a_file_in_the_middle_stops_the_server() -> None:
    async with opened("openai") as (server, stt):
        server.faults.hold_after = 60
        async with aclosing(stt.transcribe(file(), FileAsk())) as pieces:
            assert await anext(pieces) == "Hello"
        await stopped(server)


@pytest.mark.parametrize("name", SHAPES)
async def test_garbage_is_a_failure_and_no_crash(name: str) -> None:
    async with opened(name) as (server, stt):
        for kind, garbage in GARBAGE.items():
            server.faults.garbage = garbage
            failure = await refused(stt)
            assert failure.code in ("protocol_error", "connection_lost"), kind
        server.faults.garbage = None
        assert await works(stt)


@pytest.mark.parametrize("name", SHAPES)
async def test_an_answer_without_end_is_left(name: str) -> None:
    async with opened(name) as (server, stt):
        server.faults.oversize = True
        if name == "openai":  # where the end of a stream was told, what follows it is of no interest
            server.faults.garbage = b": a comment"
        assert (await refused(stt)).code in ("too_large", "protocol_error")


REFUSALS = (
    (401, "unauthorized", 1),
    (400, "invalid_request", 1),
    (429, "rate_limited", 3),
)


@pytest.mark.parametrize("name", ENGINES)
async def test_a_refusal_says_why_and_is_tried_again_where_that_can_help(name: str) -> None:
    async with opened(name) as (server, stt):
        server.faults.retry_after = "0"
        for status, code, tries in REFUSALS:
            server.faults.always, server.tries = status, 0
            failure = await refused(stt)
            assert (failure.code, failure.retryable, server.tries) == (code, tries > 1, tries)
            assert failure.message.endswith(": no") and "sk-1" not in failure.message


@pytest.mark.parametrize("name", SHAPES)
async def test_a_server_that_asks_for_much_patience_is_left_to_the_fallbacks(name: str) -> None:
    async with opened(name) as (server, stt):
        server.faults.always, server.faults.retry_after = 429, "1000000000"
        assert (await refused(stt)).retry_after == 1e9 and server.tries == 1


@pytest.mark.parametrize("name", SHAPES)
async def test_a_server_that_flaps_is_got_through(name: str) -> None:
    async with opened(name) as (server, stt):
        server.faults.statuses, server.faults.retry_after = [503, 500], "0"
        assert await works(stt) and server.tries == 3
        assert (await write_down(stt, file()))[1].text == "Hello there."


@pytest.mark.parametrize("name", SHAPES)
async def test_a_server_in_trouble_gets_a_tenth_more_and_no_storm(name: str) -> None:
    async with opened(name) as (server, stt):
        server.faults.always, server.faults.retry_after = 503, "0"
        for _ in range(25):
            assert (await refused(stt)).code == "unavailable"
        assert 25 < server.tries <= 25 * 1.1 + 3


@pytest.mark.parametrize("name", SHAPES)
async def test_a_turn_that_fails_is_told_and_the_next_one_is_heard(name: str) -> None:
    events: list[Event] = []

    async def turn(item_id: str, stt: Any, patience: float = 10.0) -> None:
        hearing = Hearing(item_id, events.append)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hearing.run(stt, Transcription(language="en"), Deadlines(transcript_s=patience)))
            hearing.hear(tone())
            hearing.end()

    async with opened(name) as (server, stt):
        server.faults = Faults(hang=True)
        await turn("one", stt, 0.1)
        server.faults = Faults(always=401)
        await turn("two", stt)
        server.faults = Faults()
        await turn("three", stt)
    ends = [event for event in events if not isinstance(event, TranscriptPartial)]
    assert [(type(event), event.item_id) for event in ends] == [
        (TranscriptFailed, "one"),
        (TranscriptFailed, "two"),
        (TranscriptFinal, "three"),
    ]
    assert [ends[0].code, ends[1].code, ends[2].text] == ["timeout", "unauthorized", "Hello there."]


async def test_another_provider_goes_on_and_one_in_trouble_is_left_alone() -> None:
    async with opened("openai") as (first, one), opened("google") as (second, other):
        ears = BackupEars(Line([one, other]), Patience())
        first.faults.always, first.faults.retry_after = 503, "1000000000"
        for _ in range(7):
            assert await works(ears)
        assert (first.tries, second.tries) == (5, 7)
        second.faults.always, second.faults.retry_after = 401, "0"
        assert (await refused(ears)).code == "unauthorized"
