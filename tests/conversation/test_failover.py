"""Whole calls over providers that fail, in virtual time: the figures of a failure, a storm of retries, and any order."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mediaserver.breaker import BreakerSettings, RetryBudget
from mediaserver.conversation.continuity import Continuity
from mediaserver.conversation.route import Failure
from mediaserver.conversation.steadiness import Steadiness
from mediaserver.conversation.steps import (
    Abandon,
    Action,
    Alarm,
    Apologise,
    ApologySpoken,
    Begun,
    CallerSpeaking,
    EndCall,
    EndNear,
    Expected,
    Happening,
    LegEnded,
    LegFailed,
    LegReady,
    Open,
    Outdated,
    Progress,
    Quiet,
    ReplyBegan,
    ReplyDue,
    ReplyOver,
    Switch,
    Tick,
    Tools,
)
from mediaserver.gateway.health import Breakers

LOST = Failure("connection_lost")
REFUSED = Failure("unauthorized", retryable=False)
SET = Steadiness()


@dataclass(frozen=True)
class Place:
    name: str
    provider: str
    region: str = ""
    max_session_s: float | None = None


@dataclass
class Provider:
    """One that is up or down, and takes a while to open a session; ``deaf``: its sessions open and then say nothing."""

    up: Callable[[float], bool] = lambda _now: True
    deaf: bool = False
    code: str = "unavailable"
    requests: int = 0
    legs: list[tuple[Phone, int]] = field(default_factory=list)


class World:
    """All calls, all providers, one queue of what happens next."""

    def __init__(
        self,
        providers: dict[str, Provider],
        seed: int = 1,
        cap: float | None = None,
        breaker: BreakerSettings | None = None,
    ) -> None:
        self.providers = providers
        self.random = random.Random(seed)
        self.health = Breakers(breaker, chance=self.random.random)
        self.places = [Place(name, name, max_session_s=cap) for name in providers]
        self.now = 0.0
        self.phones: list[Phone] = []
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._numbers), what))

    def call(self, when: float) -> Phone:
        phone = Phone(self)
        self.phones.append(phone)
        self.at(when, lambda: phone.tell(Begun()))
        return phone

    def run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now, _, what = heapq.heappop(self._queue)
            what()
        self.now = until

    def drop(self, name: str) -> None:
        """The provider's sessions break, all at this moment."""
        provider = self.providers[name]
        legs, provider.legs = provider.legs, []
        for phone, leg in legs:
            phone.tell(LegFailed(leg, LOST))


class Phone:
    """One call: does what its continuity says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.machine = Continuity(world.places, world.health, SET, world.random.random)
        self.places: dict[int, int] = {}
        self.gone: set[int] = set()
        self.lost_at: float | None = None
        self.lost = 0
        self.gaps: list[float] = []
        self.apology: float | None = None
        self.ended = False
        self.owed = False
        self.answered_at: float | None = None
        self._alarm: float | None = None

    def tell(self, event: Happening) -> None:
        leg = getattr(event, "leg", None)
        if leg in self.gone:
            return
        if isinstance(event, LegFailed):
            self.gone.add(event.leg)
            if event.leg == self.machine.serving:
                self.lost += 1
                self.lost_at = self.world.now
        for action in self.machine.on(event, self.world.now):
            self._act(action)
        due = self.machine.due
        if due is not None and due != self._alarm:
            self._alarm = due
            self.world.at(max(due, self.world.now), lambda: self._rung(due))

    def _rung(self, due: float) -> None:
        if self._alarm == due:
            self._alarm = None
            self.tell(Tick())

    def _act(self, action: Action) -> None:
        if isinstance(action, Open):
            self._open(action)
        elif isinstance(action, Abandon):
            self.gone.add(action.leg)
        elif isinstance(action, Switch):
            self._switched()
        elif isinstance(action, Apologise):
            self.apology = self.world.now
            self.world.at(self.world.now + 1.0, lambda: self.tell(ApologySpoken()))
        elif isinstance(action, EndCall):
            self.ended = True

    def turn_ended(self) -> None:
        """The caller has asked something; a provider that hears answers after a third of a second."""
        self.owed = True
        self.tell(ReplyDue())
        self._perhaps_answer()

    def _perhaps_answer(self) -> None:
        leg = self.machine.serving
        if leg is not None and self.owed and not self._provider(leg).deaf:
            self.world.at(self.world.now + 0.3, lambda: self._answer(leg))

    def _answer(self, leg: int) -> None:
        if leg == self.machine.serving and self.owed:
            self.owed, self.answered_at = False, self.world.now
            self.tell(ReplyBegan())
            self.tell(ReplyOver())

    def _provider(self, leg: int) -> Provider:
        return self.world.providers[self.world.places[self.places[leg]].name]

    def _switched(self) -> None:
        if self.lost_at is not None:
            self.gaps.append(self.world.now - self.lost_at)
            self.lost_at = None
        self._perhaps_answer()

    def _open(self, action: Open) -> None:
        name = self.world.places[action.place].name
        provider = self.world.providers[name]
        provider.requests += 1
        self.places[action.leg] = action.place
        takes = self.world.random.uniform(0.05, 0.15)
        self.world.at(self.world.now + takes, lambda: self._answered(action, provider))

    def _answered(self, action: Open, provider: Provider) -> None:
        if action.leg in self.gone:
            return
        if not provider.up(self.world.now):
            self.tell(LegFailed(action.leg, Failure(provider.code)))
            return
        provider.legs.append((self, action.leg))
        self.tell(LegReady(action.leg))


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def show(**figures: object) -> None:
    print(json.dumps(figures))


# --- the figures of one failure ---------------------------------------------------------------------------------------


def test_p1_a_provider_dies_and_another_serves_within_the_limit() -> None:
    down_at = 30.0
    world = World({"a": Provider(lambda now: now < down_at), "b": Provider()})
    for number in range(200):
        world.call(number * 0.1)
    world.run(down_at)
    world.at(down_at, lambda: world.drop("a"))
    world.run(60.0)
    gaps = [gap for phone in world.phones for gap in phone.gaps]
    show(calls=200, switch_p95_ms=round(p95(gaps) * 1000), worst_ms=round(max(gaps) * 1000))
    assert len(gaps) == 200
    assert p95(gaps) <= 0.3
    assert not any(phone.ended for phone in world.phones)
    assert all(world.places[phone.places[phone.machine.serving or 0]].name == "b" for phone in world.phones)


def test_p2_a_deaf_provider_is_left_within_the_limit() -> None:
    world = World({"a": Provider(deaf=True), "b": Provider()})
    for number in range(200):
        world.call(number * 0.01)
    for phone in world.phones:
        world.at(10.0, phone.turn_ended)
    world.run(20.0)
    waits = [phone.answered_at - 10.0 for phone in world.phones if phone.answered_at is not None]
    show(calls=200, answer_p95_ms=round(p95(waits) * 1000), worst_ms=round(max(waits) * 1000))
    assert len(waits) == 200
    assert p95(waits) <= 2.5


def test_p6_all_providers_die_and_every_caller_hears_so_in_time() -> None:
    down_at = 30.0
    names = ("a", "b", "c")
    world = World({name: Provider(lambda now: now < down_at) for name in names})
    for number in range(200):
        world.call(number * 0.1)
    world.run(down_at)
    for name in names:
        world.at(down_at, lambda name=name: world.drop(name))  # type: ignore[misc]
    world.run(60.0)
    waits = [phone.apology - down_at for phone in world.phones if phone.apology is not None]
    show(calls=200, apology_worst_ms=round(max(waits) * 1000))
    assert len(waits) == 200
    assert max(waits) <= 3.0
    assert all(phone.ended for phone in world.phones)


def test_p8_a_call_outlives_many_caps_and_is_always_served() -> None:
    world = World({"a": Provider()}, cap=20.0)
    phone = world.call(0.0)
    world.run(1.0)
    for turn in range(60):
        base = 1.0 + turn * 5.0
        world.at(base, lambda: phone.tell(Quiet(False)))
        world.at(base, lambda: phone.tell(CallerSpeaking(True)))
        world.at(base + 2.0, lambda: phone.tell(CallerSpeaking(False)))
        world.at(base + 2.0, lambda: phone.tell(ReplyDue()))
        world.at(base + 2.5, lambda: phone.tell(ReplyBegan()))
        world.at(base + 3.0, lambda: phone.tell(ReplyOver()))
        world.at(base + 4.5, lambda: phone.tell(Quiet(True)))
    served = []
    for tenth in range(10, 3000):
        world.run(tenth / 10)
        served.append(phone.machine.serving is not None)
    assert all(served)
    assert phone.lost == 0
    show(seconds=300, cap_s=20, sessions=world.providers["a"].requests)
    assert 300 / 20 <= world.providers["a"].requests <= 300 / 14


# --- P5, P7: a storm --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("period", [2.0, 7.0, 20.0])
def test_a_thousand_calls_at_a_flapping_provider_ask_it_no_more_than_a_tenth_again(period: float, seed: int) -> None:
    """Offered load: a request for each call that begins and for each session that breaks."""
    flapping = Provider(lambda now: now % period < period / 2)
    world = World({"a": flapping}, seed)
    for _ in range(1000):
        world.call(world.random.uniform(0, 120))
    for turn in range(int(180 / period)):
        world.at(turn * period + period / 2, lambda: world.drop("a"))
    world.run(200.0)
    offered = 1000 + sum(phone.lost for phone in world.phones)
    show(period_s=period, seed=seed, offered=offered, requests=flapping.requests)
    assert flapping.requests <= 1.1 * offered


def test_the_budget_alone_bounds_the_retries_where_no_breaker_opens() -> None:
    world = World({"a": Provider(lambda _now: False)}, breaker=BreakerSettings(failures=1_000_000))
    for _ in range(1000):
        world.call(world.random.uniform(0, 50))
    world.run(100.0)
    show(offered=1000, requests=world.providers["a"].requests)
    assert 1050 <= world.providers["a"].requests <= 1100
    assert all(phone.ended for phone in world.phones)


@pytest.mark.parametrize("code", ["unavailable", "rate_limited"])
def test_a_thousand_calls_with_a_second_provider_spare_the_first_and_none_ends(code: str) -> None:
    flapping, steady = Provider(lambda now: now % 10 < 5, code=code), Provider()
    world = World({"a": flapping, "b": steady})
    for _ in range(1000):
        world.call(world.random.uniform(0, 120))
    for turn in range(12):
        world.at(turn * 10 + 5.0, lambda: world.drop("a"))
    world.run(200.0)
    offered = 1000 + sum(phone.lost for phone in world.phones)
    show(code=code, offered=offered, first=flapping.requests, second=steady.requests)
    assert flapping.requests + steady.requests <= 1.1 * offered
    assert not any(phone.ended for phone in world.phones)


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_thousand_sessions_that_break_at_once_at_a_provider_that_is_well_are_all_opened_again(names: str) -> None:
    world = World({name: Provider() for name in names})
    for number in range(1000):
        world.call(number * 0.01)
    world.at(30.0, lambda: world.drop("a"))
    world.run(60.0)
    gaps = [gap for phone in world.phones for gap in phone.gaps]
    requests = {name: provider.requests for name, provider in world.providers.items()}
    show(places=names, requests=requests, switch_p95_ms=round(p95(gaps) * 1000))
    assert len(gaps) == 1000
    assert p95(gaps) <= 0.3
    assert sum(requests.values()) <= 1.1 * 2000
    assert not any(phone.ended for phone in world.phones)


def test_a_provider_that_is_down_for_good_is_asked_no_more_than_its_breaker_lets_through() -> None:
    world = World({"a": Provider(lambda _now: False), "b": Provider()})
    for _ in range(1000):
        world.call(world.random.uniform(0, 120))
    world.run(150.0)
    show(requests=world.providers["a"].requests)
    # five to open (and who had asked before the fifth was refused), then one probe per five to six seconds
    assert world.providers["a"].requests <= 5 + 5 + 120 / 5
    assert not any(phone.ended for phone in world.phones)


# --- any order of anything --------------------------------------------------------------------------------------------

CODES = (
    "connection_lost",
    "unavailable",
    "timeout",
    "rate_limited",
    "unauthorized",
    "session_expired",
    "protocol_error",
)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens: what is opened is closed, nobody waits for ever, and refused places stay refused."""

    def __init__(self) -> None:
        super().__init__()
        cap = 40.0
        self.places = [Place("a", "a", max_session_s=cap), Place("b", "b"), Place("c", "c", max_session_s=cap)]
        self.health = Breakers(chance=lambda: 0.5, budget=lambda: RetryBudget(reserve=2))
        self.machine = Continuity(self.places, self.health, SET, lambda: 0.5)
        self.now = 0.0
        self.alive: dict[int, int] = {}
        self.ready: set[int] = set()
        self.refused: set[int] = set()
        self.opens = 0  # since nobody serves
        self.alone_since: float | None = None  # a provider failed, and nobody serves
        self.over = self.leaving = False
        self.tell(Begun())

    def tell(self, event: Happening) -> None:
        served = self.machine.serving is not None
        broke = isinstance(event, LegFailed) and event.leg in self.alive
        for action in self.machine.on(event, self.now):
            assert not self.over
            self.act(action)
        if self.machine.serving is not None:
            self.alone_since, self.opens = None, 0
        elif self.alone_since is None and (served or broke):
            self.alone_since = self.now

    def act(self, action: Action) -> None:
        if isinstance(action, Open):
            assert not self.leaving
            assert action.leg not in self.alive
            assert action.place not in self.refused
            assert action.warm == (self.machine.serving is not None)
            assert action.warm or action.attempt <= SET.attempts
            self.opens += not action.warm
            assert self.opens <= SET.attempts
            self.alive[action.leg] = action.place
        elif isinstance(action, Switch):
            assert action.leg in self.ready
            assert self.alive[action.leg] == action.place
        elif isinstance(action, Abandon):
            del self.alive[action.leg]
            self.ready.discard(action.leg)
        elif isinstance(action, Apologise):
            assert not self.leaving
            self.leaving = True
        elif isinstance(action, EndCall):
            self.over = True
        elif isinstance(action, Alarm):
            self.refused.add(action.place)

    @rule(seconds=st.floats(0.0, 12.0))
    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(1000):
            due = self.machine.due
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.tell(Tick())
        else:
            raise AssertionError("it is due for ever")
        self.now = until

    @precondition(lambda self: self.alive.keys() - self.ready)
    @rule(data=st.data())
    def get_ready(self, data: st.DataObject) -> None:
        leg = data.draw(st.sampled_from(sorted(self.alive.keys() - self.ready)))
        self.ready.add(leg)
        self.tell(LegReady(leg))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), code=st.sampled_from(CODES), retry_after=st.sampled_from([None, 0.5, 5.0, 1e9]))
    def fail(self, data: st.DataObject, code: str, retry_after: float | None) -> None:
        leg = data.draw(st.sampled_from(sorted(self.alive)))
        del self.alive[leg]
        self.ready.discard(leg)
        self.tell(LegFailed(leg, Failure(code, code != "unauthorized", retry_after)))

    @precondition(lambda self: self.machine.serving is not None)
    @rule()
    def end(self) -> None:
        leg = self.machine.serving
        assert leg is not None
        del self.alive[leg]
        self.ready.discard(leg)
        self.tell(LegEnded(leg))

    @precondition(lambda self: self.machine.serving is not None)
    @rule(seconds=st.sampled_from([-1.0, 0.0, 3.0, 50.0, 1e300, float("inf"), float("nan")]))
    def warn(self, seconds: float) -> None:
        self.tell(EndNear(self.machine.serving or 0, seconds))

    @precondition(lambda self: self.machine.serving is not None)
    @rule()
    def outdate(self) -> None:
        self.tell(Outdated(self.machine.serving or 0, 3.0))

    @rule(
        event=st.sampled_from(
            [
                Progress(),
                Expected(),
                ReplyDue(),
                ReplyBegan(),
                ReplyOver(),
                CallerSpeaking(True),
                CallerSpeaking(False),
                Quiet(True),
                Quiet(False),
                Tools(0),
                Tools(2),
                ApologySpoken(),
                LegReady(999),
                LegFailed(999, LOST),
                LegEnded(999),
                EndNear(999, 1.0),
                Outdated(999, 3.0),
            ]
        )
    )
    def happen(self, event: Happening) -> None:
        self.tell(event)

    @invariant()
    def nobody_waits_longer_than_three_seconds(self) -> None:
        if self.alone_since is not None and not self.leaving and not self.over:
            assert self.now <= self.alone_since + SET.give_up_s + 1e-6
            assert self.machine.due is not None

    @invariant()
    def who_serves_is_alive(self) -> None:
        assert self.machine.serving is None or self.machine.serving in self.ready

    @invariant()
    def few_at_a_time(self) -> None:
        assert len(self.alive) <= 3
        assert not self.over or not self.alive

    def teardown(self) -> None:
        """Where every provider refuses us the call comes to its end, and nothing of it is left."""
        while self.alive:
            leg = min(self.alive)
            del self.alive[leg]
            self.tell(LegFailed(leg, REFUSED))
        self.wait(SET.give_up_s + SET.goodbye_s)
        assert self.over
        assert not self.alive
        assert self.machine.due is None


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
