import uuid

import pytest

from mediaserver.errors import NotFound
from signaling.visits import KEPT_S, Visits


def test_what_was_asked_for_is_kept_for_its_owner_and_for_a_while() -> None:
    now = 0.0
    visits = Visits(lambda: now)
    name = visits.begin("shop", {"model": "echo"})
    assert str(uuid.UUID(name)) == name
    now = KEPT_S - 1
    assert visits.wanted(name, "shop") == visits.wanted(name, "shop") == {"model": "echo"}
    with pytest.raises(NotFound):
        visits.wanted(name, "other")
    now = KEPT_S
    with pytest.raises(NotFound):
        visits.wanted(name, "shop")


def test_the_oldest_gives_way() -> None:
    visits = Visits(lambda: 0.0, most=2)
    first, second, third = (visits.begin("shop", {"n": n}) for n in range(3))
    with pytest.raises(NotFound):
        visits.wanted(first, "shop")
    assert [visits.wanted(name, "shop")["n"] for name in (second, third)] == [1, 2]


def test_the_name_bears_the_mark_of_its_worker() -> None:
    visits = Visits(mark="w2_")
    name = visits.begin("shop", {})
    assert name.startswith("w2_") and visits.wanted(name, "shop") == {}
