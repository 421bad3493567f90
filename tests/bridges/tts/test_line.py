"""One socket in virtual time: what a text is given, when it is given up, and what the socket is left for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bridges.codec import Garbled, Message
from bridges.link import Target
from bridges.pulse import LOST
from bridges.tts import line as module
from bridges.tts.line import Line, Speech
from bridges.tts.wire import Ask, Heard
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound


class Wire:
    """Two places; a message is ``N sound``, ``N end`` or nonsense."""

    slots = 2
    spent = settling = False

    def room(self, now: float) -> int:
        return 2

    def begin(self, speech: int, ask: Ask, now: float) -> Sequence[str]:
        return (f"say {speech} {ask.text}",)

    def cancel(self, speech: int) -> Sequence[str]:
        self.settling = True
        return (f"stop {speech}",)

    def goodbye(self) -> Sequence[str]:
        return ("bye",)

    def receive(self, message: Message) -> Sequence[Heard]:
        if not isinstance(message, str) or " " not in message:
            raise Garbled("nonsense")
        number, what = message.split()
        self.settling = self.settling and what != "end"
        return (Heard(int(number), None if what == "end" else Sound(what.encode())),)

    def closed(self, code: int) -> BridgeError:
        return BridgeError(f"closed {code}", code="connection_lost")


class Link:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.pings = 0

    def send(self, message: str) -> None:
        self.said.append(message)

    def ping(self) -> None:
        self.pings += 1


class Bench:
    """A line on a link that is none, with a clock to be set."""

    def __init__(self) -> None:
        self.now, self.changes = 0.0, 0
        self.link: Any = Link()
        self.wire = Wire()
        self.line = Line("ws://x", Target("ws://x"), self.wire, lambda: self.now, self.changed)
        self.line._link = self.link
        self.line._opened.set()

    def changed(self) -> None:
        self.changes += 1

    def look(self, now: float) -> None:
        self.now = now
        self.line._look(now, idle_s=60.0, age_s=600.0)

    @property
    def stopped(self) -> bool:
        return self.line._stop.done()


async def test_sound_goes_to_its_text_and_ends_with_it() -> None:
    bench = Bench()
    first, second = bench.line.begin(Ask("a")), bench.line.begin(Ask("b"))
    for message in ("2 two", "1 one", "9 nobody", "1 end", "2 more", "2 end"):
        bench.line._received(message)
    assert [await first.next(1), await first.next(1)] == [Sound(b"one"), None]
    assert [await second.next(1), await second.next(1), await second.next(1)] == [Sound(b"two"), Sound(b"more"), None]
    bench.line.leave(first)
    assert bench.link.said == ["say 1 a", "say 2 b"] and bench.changes


async def test_who_leaves_is_stopped_at_once_and_a_socket_that_does_not_stop_takes_no_more() -> None:
    bench = Bench()
    first, other = bench.line.begin(Ask("a")), bench.line.begin(Ask("b"))
    bench.line.leave(first)
    assert bench.link.said[-1] == "stop 1" and bench.line.room() == 2
    bench.look(module.SETTLE_S)
    assert bench.line.room() == 0 and not bench.stopped
    bench.line._received("2 end")
    bench.look(module.SETTLE_S + 0.1)
    assert bench.stopped and await other.next(1) is None


async def test_failing_fails_everything_on_it() -> None:
    bench = Bench()
    speech = bench.line.begin(Ask("a"))
    bench.line._received("1 one")
    bench.line.fail(BridgeError("broken", code="connection_lost"))
    assert await speech.next(1) == Sound(b"one")
    with pytest.raises(BridgeError, match="broken"):
        await speech.next(1)
    with pytest.raises(BridgeError, match="broken"):
        await bench.line.opened()
    assert bench.line.room() == 0 and bench.stopped and not bench.line.is_open


async def test_three_messages_of_nonsense_are_too_many() -> None:
    bench = Bench()
    for _ in range(2):
        bench.line._received("?")
    with pytest.raises(BridgeError) as failed:
        bench.line._received(b"?")
    assert failed.value.code == "protocol_error"


async def test_a_provider_that_owes_sound_is_asked_for_a_sign_of_life() -> None:
    bench = Bench()
    speech = bench.line.begin(Ask("a"))
    bench.look(module.QUIET_S)
    assert bench.link.pings == 1
    bench.line._lives()
    bench.look(3.0)
    assert bench.link.pings == 2
    for _ in range(LOST + 1):
        bench.look(4.0)
    with pytest.raises(BridgeError) as failed:
        await speech.next(1)
    assert failed.value.code == "connection_lost"


@pytest.mark.parametrize(("now", "stopped"), [(59.0, False), (60.0, True), (600.0, True)])
async def test_a_socket_that_is_idle_or_old_is_closed(now: float, stopped: bool) -> None:
    bench = Bench()
    bench.look(now)
    assert bench.stopped is stopped


async def test_an_old_socket_says_what_it_has_begun() -> None:
    bench = Bench()
    speech = bench.line.begin(Ask("a"))
    bench.line._lives()
    bench.look(600.0)
    assert not bench.stopped and bench.line.room() == 0
    bench.line._received("1 end")
    bench.look(600.2)
    assert bench.stopped and await speech.next(1) is None


async def test_a_voice_that_makes_too_much_sound_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 5)
    bench = Bench()
    speech = bench.line.begin(Ask("a"))
    for _ in range(3):
        bench.line._received("1 one")
    assert bench.link.said[-1] == "stop 1" and await speech.next(1) == Sound(b"one")
    with pytest.raises(BridgeError) as failed:
        await speech.next(1)
    assert failed.value.code == "too_large"


async def test_sound_that_does_not_come_is_waited_for_no_longer_than_is_told() -> None:
    with pytest.raises(BridgeError) as failed:
        await Speech(1).next(0.01)
    assert failed.value.code == "timeout"
