"""A line over real media ports: what stays and what changes when its client comes back on another connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from mediaserver.audio.opus import OpusSettings
from mediaserver.audio.packets import encoding
from mediaserver.audio.ticker import Ticker
from mediaserver.errors import BadRequest, Hangup, NotFound
from mediaserver.events import InputCleared
from mediaserver.rtc.description import Terms
from mediaserver.rtc.port import MediaPort, MediaSettings
from signaling.line import Line, Seat
from tests.rtc import offers
from tests.rtc.clients import LOCAL, RATE, Ear, Text, until

SECOND = b"\x01\x00" * RATE


@dataclass
class Phone:
    """A line, its port, and the dialect behind it."""

    line: Line
    port: MediaPort
    dialect: Text


@asynccontextmanager
async def line(settings: MediaSettings = LOCAL) -> AsyncIterator[Phone]:
    dialect = Text()
    async with MediaPort.open(settings, Ticker()) as port:
        made, answer = Line.open(port, offers.chrome(), dialect, "rtc_1", Terms())
        assert answer.startswith("v=0")
        yield Phone(made, port, dialect)


def other() -> str:
    """An offer of the same client on a new connection: other credentials, another certificate."""
    return offers.chrome().replace("a=ice-ufrag:clnt", "a=ice-ufrag:next").replace("AB:AB", "CD:CD")


async def test_the_call_keeps_its_name_its_listener_and_its_loudspeaker() -> None:
    async with line() as at:
        ear = Ear(at.line)  # type: ignore[arg-type]  # a line is attached to like a peer
        at.line.play("item_1", SECOND)
        before = at.line.peer
        answer = await at.line.move(other())
        assert "v=0" in answer and at.line.id == "rtc_1" and at.line.peer is not before
        assert at.port.peers == 1
        [played] = at.line.clear()
        assert (played.item_id, played.played_ms) == ("item_1", 0)  # the queue went over, nothing of it was lost
        assert at.dialect.listener is ear


async def test_who_records_the_call_hears_the_next_peer_too() -> None:
    async with line() as at:
        heard: list[tuple[bytes, float]] = []
        at.line.attach(
            Ear(at.line),  # type: ignore[arg-type]
            hear_rate=RATE,
            play_rate=RATE,
            live=False,
            tap=lambda pcm, now: heard.append((pcm, now)),
        )
        at.line.play("item_1", SECOND)
        await at.line.move(other())
        at.line.peer._pass_time(5.0, 5.0)
        assert heard == [(SECOND[: RATE // 50 * 2], 5.0)]


async def test_before_anybody_listens_there_is_nothing_to_take_over() -> None:
    async with line() as at:
        await at.line.move(other())
        Ear(at.line)  # type: ignore[arg-type]
        at.line.play("item_1", SECOND)
        at.line.pause()
        at.line.resume()
        at.line.finish("item_1")
        assert at.line.played("item_1") == 0


async def test_an_offer_that_cannot_be_changes_nothing() -> None:
    async with line() as at:
        before = at.line.peer
        with pytest.raises(BadRequest):
            await at.line.move("v=0\r\n")
        assert at.line.peer is before


async def test_the_end_of_the_peer_before_is_not_the_end_of_the_call() -> None:
    async with line() as at, asyncio.TaskGroup() as tasks:
        ends: list[Hangup] = []

        async def run() -> None:
            try:
                await at.line.run()
            except Hangup as hangup:
                ends.append(hangup)

        running = tasks.create_task(run())
        await asyncio.sleep(0)
        await at.line.move(other())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not running.done() and not ends
        await at.line.close("client_closed")
        async with asyncio.timeout(20):
            await running
        assert [hangup.reason for hangup in ends] == ["client_closed"]


LOST = Hangup("connection_lost", "nothing was heard")


async def _ending(of: Line) -> Hangup:
    async with asyncio.timeout(20):
        try:
            await of.run()
        except Hangup as hangup:
            return hangup


async def test_a_client_whose_network_went_away_comes_back_to_its_call() -> None:
    async with line() as at, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_ending(at.line))
        at.line.peer.end(LOST)
        await until(lambda: at.port.peers == 0)
        with pytest.raises(NotFound):
            at.line.reoffer(offers.chrome())  # what the old connection held is freed
        assert not running.done()
        await at.line.move(other())
        await asyncio.sleep(0)
        assert at.line.id == "rtc_1" and not running.done()
        await at.line.close("client_closed")
        assert (await running).reason == "client_closed"


async def test_a_client_that_does_not_come_back_is_not_waited_for_for_ever() -> None:
    async with line(replace(LOCAL, resume_s=0.05)) as at:
        at.line.peer.end(LOST)
        assert await _ending(at.line) is LOST


async def test_a_call_that_is_closed_while_its_client_is_away_is_over() -> None:
    async with line() as at, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_ending(at.line))
        at.line.peer.end(LOST)
        await until(lambda: at.port.peers == 0)
        await at.line.close("idle")
        assert await running is LOST


async def test_a_call_that_is_over_does_not_move() -> None:
    async with line() as at:
        await at.line.close("idle")
        with pytest.raises(NotFound):
            await at.line.move(other())
        assert at.port.peers == 0


def test_a_seat_that_was_left_says_and_hears_nothing() -> None:
    dialect = Text()
    seat = Seat(dialect)
    sent: list[str] = []
    send: Callable[[str], None] = sent.append
    seat.opened("chat", send)
    seat.received("chat", "hello")
    seat.tell(InputCleared())
    assert sent == ["welcome to chat", "you said 'hello'", "InputCleared"]
    seat.leave()
    assert dialect.gone == ["chat"]
    seat.opened("chat", send)
    seat.received("chat", "late")
    seat.tell(InputCleared())
    seat.closed("chat")
    assert len(sent) == 3 and dialect.heard == ["hello"] and dialect.gone == ["chat"]


async def test_packets_go_to_the_peer_there_is_and_its_frames_come_with_theirs() -> None:
    packets = [*encoding(SECOND, RATE, OpusSettings())]
    async with line() as at:
        at.line.keep_packets()
        ear = Ear(at.line)  # type: ignore[arg-type]
        assert at.line.passes
        at.line.attach(ear, hear_rate=RATE, play_rate=RATE, live=False, tap=lambda pcm, at: None)
        assert not at.line.passes  # who is recorded is played what a recording can hold
        at.line.attach(ear, hear_rate=RATE, play_rate=RATE, live=False)
        at.line.play_packets("item_1", packets)
        await at.line.move(other())
        assert at.line.passes
        assert at.line.peer._keep_packets
        at.line.play_packets("item_1", packets)
        assert at.line.peer.playout().queued_ms == 2 * len(packets) * 20
