from __future__ import annotations

from mediaserver.conversation.leg import Place
from mediaserver.conversation.support import Once, places_of
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
