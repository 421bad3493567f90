import pytest

from bridges.llm.scores import STALE_S, Latency, Prefer, cost, ordered

COSTS = {"big": 3000, "small": 300, "local": 0}
SECONDS = {"big": 0.9, "small": 0.4, "local": 2.0}


@pytest.mark.parametrize(
    ("prefer", "order"),
    [
        ("listed", ["big", "small", "local"]),
        ("cheapest", ["local", "small", "big"]),
        ("fastest", ["small", "big", "local"]),
        ("balanced", ["small", "local", "big"]),
    ],
)
def test_the_order(prefer: Prefer, order: list[str]) -> None:
    assert ordered(["big", "small", "local"], prefer, COSTS, SECONDS) == order


def test_of_equals_the_first_one_is_listed_first_and_nobody_knows_a_new_one() -> None:
    assert ordered(["b", "a"], "balanced", {"a": 0, "b": 0}, {}) == ["b", "a"]
    assert ordered(["a", "new"], "fastest", {"a": 0, "new": 0}, {"a": 0.1, "new": None}) == ["new", "a"]
    assert ordered([], "fastest", {}, {}) == []


def test_a_turn_reads_more_than_it_writes() -> None:
    assert cost(400, 1600) == 5600


def test_later_times_count_more_and_old_ones_not_at_all() -> None:
    latency = Latency()
    assert latency.seconds(0) is None
    latency.saw(1.0, 0)
    latency.saw(2.0, 1)
    assert latency.seconds(2) == pytest.approx(1.3)
    assert latency.seconds(2 + STALE_S) is None
    latency.saw(5.0, 10 + STALE_S)
    assert latency.seconds(10 + STALE_S) == 5.0
