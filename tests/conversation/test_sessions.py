from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mediaserver.conversation.limits import Limits
from mediaserver.conversation.session import Session
from mediaserver.conversation.sessions import Sessions
from mediaserver.errors import NotFound, Overloaded
from mediaserver.events import SessionEnded
from mediaserver.settings import Settings, TurnDetection
from tests.fakes import virtual_time
from tests.fakes.bridge import ScriptedBridge
from tests.fakes.caller import FakeCaller, LoudIsVoice, tone
from tests.fakes.judge import ScriptedJudge

SETTINGS = Settings("local")


def caller(call_id: str) -> FakeCaller:
    return FakeCaller(virtual_time.now, call_id)


def test_admits_lists_finds_and_hangs_up() -> None:
    ends: list[tuple[str, str]] = []

    def ended(session: Session, end: SessionEnded) -> None:
        ends.append((session.caller.id, end.reason))

    async def scenario() -> None:
        async with Sessions(2, clock=virtual_time.now, on_end=ended) as sessions:
            first = sessions.start(caller("rtc_1"), SETTINGS, ScriptedBridge())
            sessions.start(caller("rtc_2"), SETTINGS, ScriptedBridge(), Limits(max_duration_s=5))
            await asyncio.sleep(1)
            assert sessions.list()[0] is sessions.get("rtc_1") is first
            with pytest.raises(Overloaded) as full:
                sessions.start(caller("rtc_3"), SETTINGS, ScriptedBridge())
            assert (full.value.status, full.value.retry_after) == (503, 5)
            await sessions.hang_up("rtc_1")
            assert len(sessions) == 1
            with pytest.raises(NotFound):
                await sessions.hang_up("rtc_1")
            await asyncio.sleep(10)
            assert (len(sessions), sessions.started) == (0, 2)
            assert sessions.ended == {"client_closed": 1, "max_duration": 1}

    virtual_time.run(scenario())
    assert ends == [("rtc_1", "client_closed"), ("rtc_2", "max_duration")]


def test_who_cannot_take_the_end_of_a_session_does_not_end_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def ended(_session: Session, _end: SessionEnded) -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        async with Sessions(2, clock=virtual_time.now, on_end=ended) as sessions:
            sessions.start(caller("rtc_1"), SETTINGS, ScriptedBridge())
            sessions.start(caller("rtc_2"), SETTINGS, ScriptedBridge())
            await asyncio.sleep(1)
            await sessions.hang_up("rtc_1")
            await asyncio.sleep(1)
            assert [one.caller.id for one in sessions.list()] == ["rtc_2"]

    virtual_time.run(scenario())
    assert "ZeroDivisionError" in caplog.text


def test_draining_waits_then_ends() -> None:
    async def scenario() -> None:
        async with Sessions(9, clock=virtual_time.now) as sessions:
            sessions.start(caller("rtc_1"), SETTINGS, ScriptedBridge(), Limits(max_duration_s=5))
            start = virtual_time.now()
            assert await sessions.drain(30) == 0
            assert virtual_time.now() - start == pytest.approx(5, abs=0.1)
            with pytest.raises(Overloaded) as draining:
                sessions.check()
            assert draining.value.code == "draining"

        async with Sessions(9, clock=virtual_time.now) as sessions:
            last = caller("rtc_2")
            sessions.start(last, SETTINGS, ScriptedBridge())
            start = virtual_time.now()
            assert await sessions.drain(30) == 1
            assert virtual_time.now() - start == pytest.approx(30, abs=0.1)
            assert last.closed == ["server_shutdown"]
            assert sessions.ended == {"server_shutdown": 1}

    virtual_time.run(scenario())


def test_leaving_ends_what_runs_even_before_its_first_step() -> None:
    async def scenario() -> FakeCaller:
        one = caller("rtc_1")
        async with Sessions(9, clock=virtual_time.now) as sessions:
            sessions.start(one, SETTINGS, ScriptedBridge())
        return one

    one = virtual_time.run(scenario())
    assert one.closed == ["server_shutdown"]
    assert not one.running


def test_every_session_gets_a_detector_of_the_kind_that_was_chosen() -> None:
    made: list[tuple[int, float]] = []

    def make(rate: int, threshold: float) -> LoudIsVoice:
        made.append((rate, threshold))
        return LoudIsVoice()

    async def scenario() -> None:
        async with Sessions(2, clock=virtual_time.now, make_voice=make) as sessions:
            sessions.start(caller("rtc_1"), SETTINGS, ScriptedBridge())
            await asyncio.sleep(1)

    virtual_time.run(scenario())
    assert (16000, 0.5) in made


def test_every_session_asks_the_same_judge() -> None:
    judge = ScriptedJudge([0.5, 0.5])
    settings = replace(SETTINGS, turn_detection=TurnDetection("semantic_vad"))

    async def scenario() -> None:
        async with Sessions(2, clock=virtual_time.now, make_voice=LoudIsVoice, judge=judge) as sessions:
            for name in ("rtc_1", "rtc_2"):
                one = caller(name)
                sessions.start(one, settings, ScriptedBridge())
                await asyncio.sleep(0.1)
                one.say_soon(tone(600))
            await asyncio.sleep(2)

    virtual_time.run(scenario())
    assert len(judge.shown) == 2
