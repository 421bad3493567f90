from __future__ import annotations

from mediaserver.conversation.leg import Place
from mediaserver.conversation.record import CallRecord
from mediaserver.conversation.support import Once, Support, end_tape, places_of
from tests.fakes.provider import Provider

KEY = ("provider", "")


def test_a_bridge_that_cannot_be_made_again_is_tried_once() -> None:
    once = Once()
    assert once.allow(KEY, 0.0)
    once.failed(KEY, "unavailable", 0.0)
    once.succeeded(KEY, 0.0)
    assert not once.allow(KEY, 9.0)
    assert not Once().allow(KEY, 0.0, again=True)


def test_one_bridge_is_a_route_of_one_place() -> None:
    bridge = Provider()
    (place,), first = places_of(bridge)
    assert place.make() is bridge is first


def test_a_route_is_taken_as_it_is() -> None:
    made: list[Provider] = []

    def make() -> Provider:
        made.append(Provider())
        return made[-1]

    route = [Place("a", make), Place("b", make)]
    places, first = places_of(route)
    assert places is route
    assert made == [first]


class Tape:
    """Remembers when it ended."""

    missing_ms, failed = 1500, False

    def __init__(self) -> None:
        self.ends: list[float] = []

    def heard(self, pcm: bytes, at: float) -> None:
        raise AssertionError("nobody speaks here")

    played = heard

    def end(self, at: float) -> None:
        self.ends.append(at)


def test_a_call_is_recorded_where_somebody_records() -> None:
    tape = Tape()
    assert Support().tape("rtc_1", 16000, 24000, 1.0) is None
    assert Support(begin_tape=lambda *_: tape).tape("rtc_1", 16000, 24000, 1.0) is tape


def test_the_record_says_that_there_is_a_recording_and_what_is_missing() -> None:
    tape, record = Tape(), CallRecord(lambda: 0.0)
    end_tape(None, record, 1.0)
    assert record.entries() == []
    end_tape(tape, record, 2.0)
    assert tape.ends == [2.0]
    assert record.entries() == [{"at_ms": 0, "kind": "recorded", "missing_ms": 1500, "failed": False}]
