"""Live speech against the three simulators, and what happens to a turn when the provider breaks (P1 to P7)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from bridges.hybrid.hearing import Hearing
from bridges.options import Deadlines
from bridges.stt import line
from mediaserver.errors import BridgeError
from mediaserver.events import TranscriptFinal, TranscriptPartial
from mediaserver.settings import Transcription
from mediaserver.speech import Partial, Transcript
from tests.bridges.stt.talking import LIVE, frames, opened, text, turn, until
from tests.servers.provider import GARBAGE, Faults

pytestmark = pytest.mark.parametrize("name", LIVE)


async def failed(said: Awaitable[Transcript]) -> str:
    """Return the code of a turn's failure."""
    with pytest.raises(BridgeError) as raised:
        await said
    return raised.value.code


# --- when all is well -------------------------------------------------------------------------------------------------


async def test_turns_are_written_down_over_one_socket(name: str) -> None:
    partials: list[Partial] = []
    async with opened(name) as (server, engine):
        for sentence in (1, 2, 3):
            said = await turn(engine, sentence, 5, partials.append)
            assert said.text == text(sentence, 5)
            assert said.usage is not None and said.usage.seconds == pytest.approx(1.62)
        assert len(server.connections) <= 2  # one in use, and one opened ahead
        assert max(len(each.texts) for each in server.connections) == 3
        assert partials[-1] == Partial(text(3, 5), len(text(3, 5)), name == "flux")
        assert len(partials) > 6


async def test_what_is_fed_before_there_is_a_socket_is_kept(name: str) -> None:
    async with opened(name, spare=0) as (server, engine):
        async with engine.utterance(lambda _: None) as utterance:
            utterance.feed(b"".join(frames(4, 6)))  # at once: longer than a socket takes to open
            assert server.attempts == 0
            said = await utterance.finish()
        assert said.text == text(4, 6)


async def test_the_chain_hears_with_it(name: str) -> None:
    told: list[object] = []
    async with opened(name) as (_, engine):
        hearing = Hearing("item", told.append)
        for frame in frames(5, 4):
            hearing.hear(frame)
        hearing.end()
        await hearing.run(engine, Transcription(language="en"), Deadlines())
        assert isinstance(told[-1], TranscriptFinal)
        assert told[-1].text == text(5, 4)
        assert isinstance(told[0], TranscriptPartial)


async def test_a_prompt_is_told_where_there_is_a_word_for_it(name: str) -> None:
    async with opened(name) as (server, engine):
        assert (await turn(engine, 1)).text == text(1, 3)
        assert (await turn(engine, 2, prompt="The caller is asked for a name.")).text == text(2, 3)
        assert (await turn(engine, 3)).text == text(3, 3)
        prompts = [message.get("previous_text") for each in server.connections for message in each.messages]
        assert sum(prompt is not None for prompt in prompts) == (name == "scribe")


async def test_what_has_no_words_has_no_text(name: str) -> None:
    async with opened(name) as (server, engine):
        async with engine.utterance(lambda _: None) as utterance:
            assert (await utterance.finish()).text == ""
        assert server.truth.total("seconds") == 0
        async with engine.utterance(lambda _: None) as utterance:
            utterance.feed(bytes(32000))
            assert (await utterance.finish()).text == ""


async def test_many_turns_at_once(name: str) -> None:
    async with opened(name) as (_, engine):
        said = await asyncio.gather(*(turn(engine, sentence) for sentence in range(8)))
        assert [each.text for each in said] == [text(sentence, 3) for sentence in range(8)]


async def test_leaving_frees_the_provider(name: str) -> None:
    async with opened(name, spare=0) as (server, engine):
        async with engine.utterance(lambda _: None) as utterance:
            utterance.feed(b"".join(frames(1, 3)))
            await until(lambda: server.connections and server.last.received_bytes)
            assert not server.truth.rows
        await until(lambda: len(server.truth.rows) == 1)  # it was closed, while the engine stays open
        server.faults.first_audio_s = 60
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(turn(engine, 1))
            await until(lambda: len(server.connections) == 2 and server.last.received_bytes)
            waiting.cancel()
        await until(lambda: len(server.truth.rows) == 2)


# --- P1, P2: the connection breaks ------------------------------------------------------------------------------------


async def test_a_socket_that_breaks_costs_no_word(name: str) -> None:
    for code in (1011, 1000, None):
        faults = Faults(close_mid_reply_ms=600, close_code=code, only_first=True)
        async with opened(name, faults) as (server, engine):
            said = await turn(engine, 5, 6)
            assert said.text == text(5, 6)
            assert said.usage is not None and said.usage.seconds >= 1.92  # what was sent twice is paid for twice
            assert server.connections[0].received_bytes > 0


async def test_a_socket_that_breaks_after_the_end_costs_no_word(name: str) -> None:
    async with opened(name, Faults(close_after_ms=200, first_audio_s=60, only_first=True)) as (server, engine):
        assert (await turn(engine, 6, 4)).text == text(6, 4)
        assert len(server.connections) >= 2


async def test_a_half_open_socket_costs_no_word(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "TICK_S", 0.05)
    monkeypatch.setattr(line, "PING_S", 0.1)
    async with opened(name, Faults(half_open_mid_reply_ms=300, only_first=True), spare=0) as (server, engine):
        assert (await turn(engine, 7, 4)).text == text(7, 4)
        assert server.attempts == 2


async def test_kept_sockets_that_died_unnoticed_cost_no_word(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "TICK_S", 0.05)
    monkeypatch.setattr(line, "PING_S", 0.1)
    async with opened(name, spare=0) as (server, engine):
        await asyncio.gather(*(turn(engine, sentence, 1) for sentence in range(6)))
        for each in server.connections:
            each._silent = True
        said = await asyncio.gather(
            *(turn(engine, sentence, 1) for sentence in range(6))
        )  # more than there are retries
        assert [each.text for each in said] == [text(sentence, 1) for sentence in range(6)]


# --- P3: slow ---------------------------------------------------------------------------------------------------------


async def test_a_slow_provider_is_given_up(name: str) -> None:
    async with opened(name, Faults(first_audio_s=60), spare=0, final_s=0.2) as (server, engine):
        assert await failed(turn(engine, 1)) == "timeout"
        assert server.attempts == 1


async def test_a_provider_that_hangs_is_given_up(name: str) -> None:
    async with opened(name, Faults(hang=True), connect_s=0.1, attempts=2) as (server, engine):
        assert await failed(turn(engine, 1)) == "timeout"
        assert server.attempts == 2


# --- P4: nonsense -----------------------------------------------------------------------------------------------------


async def test_nonsense_costs_no_word(name: str) -> None:
    async with opened(name, age_s=0.001, spare=0) as (server, engine):  # a socket for each turn
        server.junk_once = True
        for sentence, junk in enumerate(GARBAGE):
            server.faults.garbage = (junk,)
            assert (await turn(engine, sentence, 2)).text == text(sentence, 2), junk
        assert not server.faults.garbage


async def test_much_nonsense_ends_the_socket(name: str) -> None:
    async with opened(name, Faults(garbage=("bad_json", "array", "deep")), attempts=2, spare=0) as (server, engine):
        assert await failed(turn(engine, 1)) == "protocol_error"
        assert server.attempts == 2


# --- P5 to P7: refusals -----------------------------------------------------------------------------------------------


async def test_refusals(name: str) -> None:
    async with opened(name) as (server, engine):
        for status, retry_after, code, attempts in (
            (401, None, "unauthorized", 1),
            (400, None, "refused", 1),
            (429, "1000000000", "rate_limited", 1),
            (503, None, "unavailable", 3),
            (429, None, "rate_limited", 2),  # three retries in a minute are all that so few turns have
        ):
            server.attempts, server.faults = 0, Faults(refuse=status, retry_after=retry_after)
            assert await failed(turn(engine, 1)) == code
            assert server.attempts == attempts, status
        await asyncio.sleep(0.3)
        assert server.attempts == 2  # nobody asks, nobody tries
        server.faults = Faults()
        assert (await turn(engine, 2)).text == text(2, 3)


async def test_a_wrong_key_is_told_and_not_shown(name: str) -> None:
    async with opened(name, key="wrong") as (server, engine):
        with pytest.raises(BridgeError) as raised:
            await turn(engine, 1)
        assert (raised.value.code, raised.value.retryable, server.attempts) == ("unauthorized", False, 1)
        assert "wrong" not in raised.value.message


async def test_many_turns_are_no_storm(name: str) -> None:
    async with opened(name, Faults(refuse=503)) as (server, engine):
        turns = [turn(engine, 1, 1) for _ in range(60)]
        failures = await asyncio.gather(*turns, return_exceptions=True)
        assert all(isinstance(each, BridgeError) for each in failures)
        assert server.attempts <= 60 * 1.1


async def test_nobody_there(name: str) -> None:
    async with opened(name, url="http://127.0.0.1:9") as (server, engine):
        assert await failed(turn(engine, 1)) == "unavailable"
        assert not server.truth.rows
