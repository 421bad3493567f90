"""Failover and rotation, decision by decision, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from mediaserver.breaker import RetryBudget
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
    Filler,
    Happening,
    Hold,
    LegEnded,
    LegFailed,
    LegReady,
    Open,
    Outdated,
    Progress,
    Quiet,
    Release,
    ReplyBegan,
    ReplyDue,
    ReplyOver,
    Switch,
    Tick,
    Tools,
)
from mediaserver.gateway.health import Breakers

LOST = Failure("connection_lost")
DOWN = Failure("unavailable")
REFUSED = Failure("unauthorized", retryable=False)
SET = Steadiness()


@dataclass(frozen=True)
class Place:
    name: str
    provider: str
    region: str = ""
    max_session_s: float | None = None


class Call:
    """A call over these providers; time moves by hand, and every action is kept with its moment."""

    def __init__(self, *providers: str, cap: float | None = None, health: Breakers | None = None) -> None:
        places = [Place(provider, provider, max_session_s=cap) for provider in providers]
        self.health = health or Breakers(chance=lambda: 0.0)
        self.machine = Continuity(places, self.health, SET, lambda: 1.0)
        self.now = 0.0
        self.done: list[tuple[float, Action]] = []

    def tell(self, *events: Happening) -> list[Action]:
        actions = [action for event in events for action in self.machine.on(event, self.now)]
        self.done += [(round(self.now, 6), action) for action in actions]
        return actions

    def run(self, until: float) -> list[Action]:
        """Tick whenever it is due, until this moment."""
        actions: list[Action] = []
        for _ in range(10_000):
            due = self.machine.due
            if due is None or due > until:
                self.now = until
                return actions
            self.now = max(self.now, due)
            actions += self.tell(Tick())
        raise AssertionError("it is due for ever")

    def at(self, kind: type) -> list[float]:
        return [at for at, action in self.done if isinstance(action, kind)]

    def serve(self) -> Call:
        """Begin, be served by the first place, and let it settle: leg 0, at 10 s."""
        assert self.tell(Begun()) == [Open(0, 0, 1)]
        assert self.tell(LegReady(0)) == [Switch(0, 0, "begun")]
        assert self.run(10.0) == []
        return self


def test_a_quiet_call_has_nothing_to_do() -> None:
    call = Call("a", "b").serve()
    assert call.machine.serving == 0
    assert call.machine.due is None


# --- P1: the connection breaks ----------------------------------------------------------------------------------------


def test_a_lost_connection_is_opened_again_at_once() -> None:
    call = Call("a", "b").serve()
    assert call.tell(LegFailed(0, LOST)) == [Open(1, 0, 1)]
    assert call.machine.serving is None
    assert call.tell(LegReady(1)) == [Switch(1, 0, "failover")]


def test_a_second_loss_goes_elsewhere_at_once_and_a_third_try_waits() -> None:
    call = Call("a", "b").serve()
    call.tell(LegFailed(0, LOST))
    assert call.tell(LegFailed(1, LOST)) == [Open(2, 1, 2)]
    assert call.tell(LegFailed(2, DOWN)) == []
    assert call.run(12.0) == [Open(3, 0, 3)]
    assert call.at(Open)[-1] == pytest.approx(10.25)


def test_three_attempts_and_no_more() -> None:
    call = Call("a", "b", "c", "d").serve()
    for leg in range(3):
        assert isinstance(call.tell(LegFailed(leg, DOWN))[0], Open)
    assert call.tell(LegFailed(3, DOWN)) == [Apologise("unavailable")]


def test_a_slow_try_gets_company_and_the_first_that_is_ready_takes_over() -> None:
    call = Call("a", "b").serve()
    call.tell(LegFailed(0, LOST))
    assert call.run(10.5) == [Open(2, 1, 2)]
    assert call.at(Open)[-1] == pytest.approx(10.0 + SET.hedge_s)
    assert call.tell(LegReady(2)) == [Switch(2, 1, "failover"), Abandon(1)]
    assert call.tell(LegReady(1), LegFailed(1, LOST)) == []


def test_a_failed_hedge_does_not_hurry_the_other() -> None:
    call = Call("a", "b", "c").serve()
    call.tell(LegFailed(0, LOST))
    call.run(10.5)
    assert call.tell(LegFailed(2, DOWN)) == []
    assert call.tell(LegReady(1)) == [Switch(1, 0, "failover")]


def test_a_place_is_not_opened_beside_itself() -> None:
    call = Call("a").serve()
    call.tell(LegFailed(0, LOST))
    assert call.run(10.0 + SET.switch_s - 0.01) == []


def test_a_provider_that_breaks_right_after_it_took_over_is_part_of_the_same_failure() -> None:
    call = Call("a", "b").serve()
    call.tell(LegFailed(0, DOWN), LegReady(1))
    assert call.tell(LegFailed(1, DOWN)) == [Open(2, 0, 2)]
    call.tell(LegReady(2))
    assert call.tell(LegFailed(2, DOWN)) == [Open(3, 1, 3)]
    call.tell(LegReady(3))
    assert call.tell(LegFailed(3, DOWN)) == [Apologise("unavailable")]


@pytest.mark.parametrize("settled", ["answered", "stood"])
def test_a_provider_that_settled_begins_a_failure_of_its_own(settled: str) -> None:
    call = Call("a", "b", "c").serve()
    call.tell(LegFailed(0, DOWN), LegReady(1))
    if settled == "answered":
        call.tell(ReplyDue(), ReplyBegan(), ReplyOver())
    else:
        call.run(10.0 + SET.settle_s)
    assert call.tell(LegFailed(1, DOWN)) == [Open(2, 2, 1)]


def test_what_the_lost_provider_owed_is_due_from_the_next() -> None:
    call = Call("a", "b").serve()
    call.tell(ReplyDue(), ReplyBegan(), LegFailed(0, DOWN))
    call.run(10.2)
    call.tell(LegReady(1))
    assert call.run(11.69) == []
    assert call.run(11.7) == [Abandon(1), Open(2, 0, 2)]


# --- P2, P3: silence and slowness -------------------------------------------------------------------------------------


def test_a_provider_that_is_silent_when_an_answer_is_due_is_left_in_a_second_and_a_half() -> None:
    call = Call("a", "b").serve()
    call.tell(ReplyDue())
    assert call.run(11.5) == [Abandon(0), Open(1, 1, 1)]
    assert call.at(Abandon) == [11.5]


def test_a_provider_that_stops_in_the_middle_of_an_answer_is_left_too() -> None:
    call = Call("a", "b").serve()
    call.tell(ReplyDue(), ReplyBegan())
    call.now = 11.0
    call.tell(Progress())
    assert call.run(12.49) == []
    assert call.run(12.5) == [Abandon(0), Open(1, 1, 1)]


def test_an_idle_provider_that_gives_no_sign_of_life_is_left_in_ten_seconds() -> None:
    call = Call("a", "b").serve()
    call.tell(Expected())
    assert call.run(19.99) == []
    assert call.run(20.0) == [Abandon(0), Open(1, 1, 1)]


def test_a_slow_answer_gets_a_filler_once_and_time() -> None:
    call = Call("a", "b").serve()
    call.tell(ReplyDue())
    for tenth in range(1, 51):  # five seconds to the first token, with signs of life
        call.run(10.0 + tenth / 10)
        call.tell(Progress())
    call.tell(ReplyBegan(), ReplyOver())
    assert [action for _, action in call.done[2:]] == [Filler()]
    assert call.at(Filler) == [11.5]


def test_signs_of_life_without_an_answer_do_not_last_for_ever() -> None:
    call = Call("a", "b").serve()
    call.tell(ReplyDue())
    for tenth in range(1, 100):
        call.run(10.0 + tenth / 10)
        call.tell(Progress())
    assert call.at(Abandon) == [pytest.approx(18.0)]


def test_while_the_caller_speaks_or_a_tool_runs_no_answer_is_due() -> None:
    call = Call("a", "b").serve()
    call.tell(ReplyDue(), CallerSpeaking(True))
    assert call.run(30.0) == []
    call.tell(CallerSpeaking(False), ReplyBegan(), Tools(1))
    assert call.run(60.0) == []
    call.tell(Tools(0))
    assert call.run(61.5) == [Abandon(0), Open(1, 1, 1)]


def test_a_provider_that_does_not_get_ready_is_left() -> None:
    call = Call("a", "b")
    call.tell(Begun())
    assert call.run(SET.begin_s) == [Abandon(0), Open(1, 1, 2)]


# --- P5: refusals -----------------------------------------------------------------------------------------------------


def test_refused_credentials_raise_the_alarm_and_are_never_tried_again() -> None:
    call = Call("a", "b")
    call.tell(Begun())
    assert call.tell(LegFailed(0, REFUSED)) == [Alarm(0), Open(1, 1, 2)]
    call.tell(LegReady(1))
    call.run(20.0)
    for leg in range(1, 4):
        call.tell(LegFailed(leg, LOST))
        call.run(call.now + 1.0)
    assert {action.place for _, action in call.done[2:] if isinstance(action, Open)} == {1}
    assert [one.alarm for one in call.health.snapshot(call.now)] == [True, False]


def test_refused_credentials_at_the_only_place_end_the_call_with_an_apology() -> None:
    call = Call("a")
    call.tell(Begun())
    assert call.tell(LegFailed(0, REFUSED)) == [Alarm(0), Apologise("unauthorized")]


@pytest.mark.parametrize("retry_after", [None, 1.0, 1e9])
def test_a_provider_at_its_limit_is_left_at_once_when_there_is_another(retry_after: float | None) -> None:
    call = Call("a", "b")
    call.tell(Begun())
    assert call.tell(LegFailed(0, Failure("rate_limited", retry_after=retry_after))) == [Open(1, 1, 2)]


def test_the_only_provider_at_its_limit_is_waited_for_as_long_as_a_caller_may_wait() -> None:
    call = Call("a")
    call.tell(Begun())
    assert call.tell(LegFailed(0, Failure("rate_limited", retry_after=2.0))) == []
    assert call.run(1.99) == []
    assert call.run(2.0) == [Open(1, 0, 2)]


@pytest.mark.parametrize("retry_after", [3.0, 30.0, 1e9])
def test_a_longer_wait_is_not_waited_for(retry_after: float) -> None:
    call = Call("a")
    call.tell(Begun())
    assert call.tell(LegFailed(0, Failure("rate_limited", retry_after=retry_after))) == [Apologise("rate_limited")]


# --- P6: all down -----------------------------------------------------------------------------------------------------


def test_nobody_gets_ready_and_the_apology_comes_in_time() -> None:
    call = Call("a", "b", "c").serve()
    call.tell(LegFailed(0, LOST))
    actions = call.run(12.5)
    assert isinstance(actions[-1], Apologise)
    assert call.at(Apologise)[0] <= 10.0 + SET.give_up_s
    assert call.tell(ApologySpoken()) == [EndCall("provider_error")]
    assert call.machine.due is None
    opened = {action.leg for _, action in call.done if isinstance(action, Open)}
    assert {action.leg for _, action in call.done if isinstance(action, Abandon)} == opened - {0}


def test_an_apology_that_is_never_over_is_the_end_all_the_same() -> None:
    call = Call("a").serve()
    call.tell(LegFailed(0, REFUSED))
    assert call.tell(LegReady(0), Tick()) == []
    assert call.run(30.0) == [EndCall("provider_error")]
    assert call.at(EndCall) == [10.0 + SET.goodbye_s]


def test_with_every_breaker_open_nothing_is_sent() -> None:
    call = Call("a", "b")
    for provider in ("a", "b"):
        for _ in range(5):
            call.health.failed((provider, ""), "unavailable", 0.0)
    assert call.tell(Begun()) == []
    assert call.run(10.0)[0] == Apologise("timeout")
    assert call.at(Open) == []
    assert call.at(Apologise)[0] <= SET.give_up_s


# --- P7: the breaker --------------------------------------------------------------------------------------------------


def test_an_open_breaker_is_passed_by_from_the_first_call_on() -> None:
    call = Call("a", "b")
    for _ in range(5):
        call.health.failed(("a", ""), "unavailable", 0.0)
    assert call.tell(Begun()) == [Open(0, 1, 1)]


def test_without_budget_for_a_retry_the_next_place_is_taken() -> None:
    health = Breakers(chance=lambda: 0.0, budget=lambda: RetryBudget(reserve=0))
    call = Call("a", "b", health=health).serve()
    assert call.tell(LegFailed(0, LOST)) == [Open(1, 1, 1)]


# --- P8: the cap ------------------------------------------------------------------------------------------------------


def rotating(cap: float = 20.0) -> Call:
    """A call whose session ends at 20 s; the warm leg 1 is being opened, at 15 s."""
    call = Call("a", "b", cap=cap).serve()
    assert call.run(15.0) == [Open(1, 0, 1, warm=True)]
    return call


def test_the_next_session_is_open_before_the_last_one_ends_and_takes_over_at_a_turn_boundary() -> None:
    call = rotating()
    assert call.tell(LegReady(1)) == []
    assert call.machine.serving == 0
    assert call.run(16.0) == []
    assert call.tell(Quiet(True)) == [Switch(1, 0, "rotation"), Abandon(0)]
    assert call.run(29.0) == []
    assert call.run(30.0) == [Open(2, 0, 1, warm=True)]  # its own cap runs from when it was opened


def test_when_it_is_quiet_already_the_switch_comes_as_soon_as_it_can() -> None:
    call = rotating()
    call.tell(Quiet(True))
    assert call.tell(LegReady(1)) == [Switch(1, 0, "rotation"), Abandon(0)]


def test_an_answer_that_is_due_is_no_time_to_switch() -> None:
    call = rotating()
    call.tell(Quiet(True), ReplyDue())
    assert call.tell(LegReady(1)) == []
    assert call.tell(ReplyBegan()) == []
    assert call.tell(ReplyOver()) == [Switch(1, 0, "rotation"), Abandon(0)]


def test_without_a_boundary_it_switches_a_quarter_of_the_margin_before_the_end() -> None:
    call = rotating()
    call.tell(LegReady(1))
    assert call.run(20.0) == [Switch(1, 0, "rotation"), Abandon(0)]
    assert call.at(Switch)[-1] == 20.0 - 5.0 / 4


def test_while_a_tool_runs_it_switches_only_when_the_end_is_there() -> None:
    call = rotating()
    call.tell(Tools(1), Quiet(True), LegReady(1))
    assert call.run(20.0) == [Switch(1, 0, "rotation"), Abandon(0)]
    assert call.at(Switch)[-1] == 20.0 - SET.last_s


def test_the_last_output_of_a_tool_makes_way_for_the_switch() -> None:
    call = rotating()
    call.tell(Tools(2), Quiet(True), LegReady(1))
    assert call.tell(Tools(1)) == []
    assert call.tell(Tools(0)) == [Switch(1, 0, "rotation"), Abandon(0)]


def test_the_caller_is_not_switched_away_in_the_middle_of_a_word() -> None:
    call = rotating()
    call.tell(CallerSpeaking(True), Quiet(True), LegReady(1))
    assert call.tell(CallerSpeaking(False)) == [Switch(1, 0, "rotation"), Abandon(0)]


def test_a_warm_session_that_cannot_be_opened_is_tried_again_until_the_end() -> None:
    call = rotating()
    for leg in range(1, 4):
        assert call.tell(LegFailed(leg, DOWN)) == []
        call.run(call.now + 2.5)
    tries = [action for _, action in call.done if isinstance(action, Open) and action.warm]
    assert [one.place for one in tries][:3] == [0, 0, 0]
    gaps = [after - before for before, after in pairwise(call.at(Open)[1:4])]
    assert all(gap > 0.1 for gap in gaps)
    call.tell(LegReady(tries[-1].leg), Quiet(True))
    assert call.machine.serving == tries[-1].leg


def test_between_two_tries_nothing_is_opened_however_often_it_ticks() -> None:
    call = rotating()
    call.tell(LegFailed(1, DOWN))
    assert call.tell(*[Tick()] * 20) == []


def test_a_session_that_breaks_while_the_next_is_slow_to_open_gives_that_no_more_time_than_any_other() -> None:
    call = Call("a", cap=20.0).serve()
    call.run(15.0)
    call.tell(LegFailed(0, LOST))
    assert call.run(15.0 + SET.switch_s) == [Abandon(1)]
    assert call.run(17.4) == [Open(2, 0, 2)]


def test_a_session_that_ends_while_the_next_is_warm_is_not_missed() -> None:
    call = rotating()
    call.tell(LegReady(1))
    assert call.tell(LegEnded(0)) == [Switch(1, 0, "failover")]


def test_a_session_that_ends_while_the_next_is_being_opened_waits_for_that() -> None:
    call = rotating()
    assert call.tell(LegFailed(0, Failure("session_expired"))) == []
    assert call.tell(LegReady(1)) == [Switch(1, 0, "failover")]


def test_the_providers_own_warning_brings_the_rotation_forward() -> None:
    call = Call("a", cap=600.0).serve()
    assert call.tell(EndNear(0, 8.0)) == [Open(1, 0, 1, warm=True)]
    call.tell(LegReady(1))
    assert call.run(20.0) == [Switch(1, 0, "rotation"), Abandon(0)]
    assert call.at(Switch)[-1] == 16.0


def test_what_follows_other_settings_waits_for_the_session_that_has_them() -> None:
    call = Call("a").serve()
    call.tell(Quiet(True))
    assert call.tell(Outdated(0, 3.0)) == [Hold(0), Open(1, 0, 1, warm=True)]
    assert call.tell(Outdated(0, 3.0), Quiet(False), ReplyDue()) == []
    assert call.run(1.9) == []  # nobody is blamed for the silence of one that is told nothing
    assert call.tell(LegReady(1)) == [Switch(1, 0, "rotation"), Abandon(0)]


def test_one_that_was_told_nothing_yet_is_told_nothing_whatever_is_due() -> None:
    call = Call("a").serve()
    call.tell(ReplyDue())
    assert call.tell(Outdated(0, 3.0, fresh=True)) == [Hold(0), Open(1, 0, 1, warm=True)]
    assert call.tell(LegReady(1)) == [Switch(1, 0, "rotation"), Abandon(0)]


def test_the_session_serves_on_with_what_waited_when_no_other_can_be_had() -> None:
    call = Call("a").serve()
    call.tell(Quiet(True), Outdated(0, 3.0), Quiet(False), ReplyDue())
    assert call.tell(LegFailed(1, DOWN)) == [Release(0)]
    assert call.machine.serving == 0


def test_in_the_middle_of_a_turn_the_session_finishes_it_with_the_settings_it_has() -> None:
    call = Call("a").serve()
    call.tell(Quiet(False), ReplyDue(), ReplyBegan())
    assert call.tell(Outdated(0, 3.0)) == [Open(1, 0, 1, warm=True)]
    assert call.tell(LegReady(1)) == []
    assert call.tell(ReplyOver(), Quiet(True)) == [Switch(1, 0, "rotation"), Abandon(0)]


@pytest.mark.parametrize("left", [-5.0, 0.0, float("nan"), float("inf"), 1e300])
def test_an_absurd_warning_does_no_harm(left: float) -> None:
    call = Call("a", cap=None).serve()
    call.tell(EndNear(0, left), EndNear(7, 1.0))
    call.run(30.0)
    assert call.machine.serving == 0


def test_an_end_that_was_not_near_is_the_end_of_the_call() -> None:
    call = Call("a", "b", cap=60.0).serve()
    assert call.tell(LegEnded(0)) == [EndCall("provider_closed")]
    assert call.tell(LegReady(1), Begun()) == []


def test_a_session_may_outlive_its_cap() -> None:
    call = rotating()
    call.tell(LegFailed(1, REFUSED))
    call.run(25.0)
    assert call.machine.serving == 0


# --- the end of the call ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["provider_closed", "provider_error"])
def test_after_the_end_nothing_is_taken_any_more(reason: str) -> None:
    call = Call("a", "b", cap=20.0).serve()
    if reason == "provider_closed":
        ended = call.tell(LegEnded(0))
    else:
        ended = call.tell(LegFailed(0, REFUSED), LegFailed(1, REFUSED), ApologySpoken())
    assert ended[-1] == EndCall(reason)  # type: ignore[arg-type]
    assert (call.machine.due, call.machine.serving) == (None, None)
    assert call.tell(Tick(), LegReady(1), ReplyDue()) == []
