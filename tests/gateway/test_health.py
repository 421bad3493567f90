from __future__ import annotations

import random

from mediaserver.breaker import BreakerSettings, RetryBudget
from mediaserver.gateway.health import Breakers

HERE = ("openai", "eu")
SETTINGS = BreakerSettings()


def test_providers_and_regions_are_told_apart() -> None:
    all_of_them = Breakers(chance=lambda: 0.0)
    for _ in range(5):
        all_of_them.failed(HERE, "unavailable", 1.0)
    assert not all_of_them.allow(HERE, 2.0)
    assert all_of_them.allow(("openai", "us"), 2.0)
    assert [(one.region, one.state, one.opened, one.refused) for one in all_of_them.snapshot(2.0)] == [
        ("eu", "open", 1, 1),
        ("us", "closed", 0, 0),
    ]


def test_a_retry_that_the_budget_refuses_takes_no_probe() -> None:
    all_of_them = Breakers(chance=lambda: 0.0, budget=lambda: RetryBudget(reserve=0))
    for _ in range(5):
        all_of_them.failed(HERE, "unavailable", 1.0)
    assert not all_of_them.allow(HERE, 6.5, again=True)
    assert all_of_them.allow(HERE, 6.5)
    all_of_them.succeeded(HERE, 6.6)
    assert all_of_them.snapshot(6.6)[0].state == "closed"


def test_a_retry_that_the_breaker_refuses_costs_nothing() -> None:
    all_of_them = Breakers(chance=lambda: 0.0, budget=lambda: RetryBudget(reserve=1))
    for _ in range(5):
        all_of_them.failed(HERE, "unavailable", 1.0)
    assert not all_of_them.allow(HERE, 2.0, again=True)
    assert all_of_them.allow(HERE, 6.5, again=True)


def test_the_registry_is_bounded() -> None:
    all_of_them = Breakers(BreakerSettings(max_keys=10))
    for number in range(100):
        all_of_them.failed((f"p{number}", ""), "timeout", 1.0)
        all_of_them.failed(HERE, "unauthorized", 1.0)
    assert len(all_of_them.snapshot(1.0)) == 10
    assert not all_of_them.allow(HERE, 2.0)


def test_a_provider_that_comes_back_is_asked_within_one_pause() -> None:
    """P7: 200 requests a second; at most one request is late when it opens, and none is sent while it is open."""
    chance = random.Random(7)
    all_of_them = Breakers(chance=chance.random)
    sent_while_open, down_since, well_at, recovered_at = 0, 2.0, 12.0, None
    failures = 0
    for step in range(200 * 30):
        now = step / 200
        was_open = all_of_them.snapshot(now)[0].state == "open" if step else False
        if not all_of_them.allow(HERE, now):
            continue
        sent_while_open += was_open
        if down_since <= now < well_at:
            failures += 1
            all_of_them.failed(HERE, "unavailable", now)
        else:
            all_of_them.succeeded(HERE, now)
            recovered_at = now if recovered_at is None and now >= well_at else recovered_at
    assert sent_while_open == 0
    assert failures <= 5 + 2  # five to open, and a probe per pause
    assert recovered_at is not None
    assert recovered_at <= well_at + SETTINGS.open_s * (1 + SETTINGS.jitter) + 0.01
