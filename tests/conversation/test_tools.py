from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from mediaserver.conversation import tools
from mediaserver.conversation.filler import Filler, StopFiller
from mediaserver.conversation.tools import AskForAnswer, Book, Execute, Offer, Output, ToolLedger
from mediaserver.errors import BadRequest
from mediaserver.events import ToolCalled
from mediaserver.toolconfig import ToolFiller

FILLER = ToolFiller(after_s=1.5, every_s=8.0, most=2, phrases=("one moment",))


def call(call_id: str, response: str = "r", name: str = "book", arguments: str = "") -> ToolCalled:
    return ToolCalled(response, f"item_{call_id}", call_id, name, arguments or f'{{"n": "{call_id}"}}')


@pytest.fixture
def ledger() -> ToolLedger:
    return ToolLedger()


def kinds(actions: list[Any]) -> list[str]:
    return [type(action).__name__ for action in actions]


# --- the plain way ----------------------------------------------------------------------------------------------------


def test_the_server_executes_answers_and_asks(ledger):
    one = call("a")
    assert ledger.called(one, "server", 20, 0) == [Execute(one, 20)]
    assert ledger.finished("r", 1) == []
    assert ledger.executed("a", "done", False, 2) == [
        Book(one, "done", False),
        Output(one, "done", False),
        AskForAnswer(),
    ]
    assert ledger.answering(3) == [] and not ledger.busy and ledger.due is None


def test_the_client_executes_answers_and_asks_by_itself(ledger):
    one = call("a")
    assert ledger.called(one, "client", 60, 0) == [Offer(one)]
    ledger.finished("r", 1)
    assert ledger.waiting == (one,)
    assert ledger.answered("a", "done", False, 2) == [Output(one, "done", False)]
    assert ledger.waiting == () and ledger.due is None
    assert ledger.asked(2) is True


def test_the_answer_waits_for_the_end_of_the_response_that_called(ledger):
    ledger.called(call("a"), "server", 20, 0)
    assert AskForAnswer() not in ledger.executed("a", "x", False, 1)
    assert ledger.finished("r", 2) == [AskForAnswer()]


def test_a_call_after_the_end_of_its_response_is_answered_all_the_same(ledger):
    ledger.finished("r", 0)
    ledger.called(call("a"), "server", 20, 1)
    assert AskForAnswer() in ledger.executed("a", "x", False, 2)


def test_several_calls_have_one_answer(ledger):
    for name in "abc":
        ledger.called(call(name), "server", 20, 0)
    ledger.finished("r", 0)
    given = [action for name in "bca" for action in ledger.executed(name, "x", False, 1)]
    assert kinds(given) == ["Book", "Output"] * 3 + ["AskForAnswer"]


# --- two who answer ---------------------------------------------------------------------------------------------------


def mixed(ledger: ToolLedger) -> None:
    ledger.called(call("ours"), "server", 20, 0)
    ledger.called(call("theirs"), "client", 20, 0)
    ledger.finished("r", 0)


def test_a_client_that_asks_early_is_answered_when_everything_is_there(ledger):
    mixed(ledger)
    ledger.answered("theirs", "x", False, 1)
    assert ledger.asked(1) is False
    assert AskForAnswer() in ledger.executed("ours", "x", False, 5)
    assert ledger.answering(5) == [] and ledger.tick(9) == []


def test_a_client_that_gave_the_last_output_asks_by_itself(ledger):
    mixed(ledger)
    ledger.executed("ours", "x", False, 1)
    assert AskForAnswer() not in ledger.answered("theirs", "x", False, 2)
    assert ledger.asked(2.1) is True
    assert ledger.tick(10) == []


def test_a_client_that_does_not_ask_does_not_leave_the_caller_without_an_answer(ledger):
    mixed(ledger)
    ledger.executed("ours", "x", False, 1)
    ledger.answered("theirs", "x", False, 2)
    assert ledger.due == 3 and ledger.tick(2.9) == [] and ledger.tick(3) == [AskForAnswer()]


def test_a_client_that_gives_two_outputs_and_asks_twice_is_answered_once(ledger):
    for name in "ab":
        ledger.called(call(name), "client", 20, 0)
    ledger.finished("r", 0)
    ledger.answered("a", "x", False, 1)
    assert ledger.asked(1) is False
    ledger.answered("b", "x", False, 2)
    assert ledger.asked(2) is True
    assert ledger.tick(10) == []


def test_a_client_that_asked_once_for_two_outputs_is_answered(ledger):
    for name in "ab":
        ledger.called(call(name), "client", 20, 0)
    ledger.finished("r", 0)
    ledger.answered("a", "x", False, 1)
    assert ledger.asked(1) is False
    assert AskForAnswer() not in ledger.answered("b", "x", False, 2), "it may ask again"
    assert ledger.tick(3) == [AskForAnswer()]


def test_a_new_turn_is_not_held_back_by_a_slow_tool(ledger):
    mixed(ledger)
    ledger.answered("theirs", "x", False, 1)
    ledger.speech(True, 2)
    ledger.speech(False, 3)
    assert ledger.asked(3) is True


def test_the_first_output_counts(ledger):
    ledger.called(call("a"), "client", 20, 0)
    ledger.answered("a", "first", False, 1)
    with pytest.raises(BadRequest) as refused:
        ledger.answered("a", "second", False, 2)
    assert (refused.value.code, refused.value.param) == ("tool_already_answered", "item.call_id")


@pytest.mark.parametrize(("call_id", "code"), [("nobody", "invalid_tool_call_id"), ("a", "tool_executed_by_server")])
def test_what_a_client_cannot_answer(ledger, call_id, code):
    ledger.called(call("a"), "server", 20, 0)
    with pytest.raises(BadRequest) as refused:
        ledger.answered(call_id, "x", False, 1)
    assert refused.value.code == code


def test_history_of_the_client_is_its_own(ledger):
    ledger.listed(call("old"))
    assert not ledger.busy and ledger.waiting == () and ledger.due is None
    assert kinds(ledger.answered("old", "x", False, 1)) == ["Output"]
    with pytest.raises(BadRequest, match="already"):
        ledger.answered("old", "x", False, 2)


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "deadline"), [("server", 20 + tools.SLACK_S), ("client", 20)])
def test_a_tool_that_takes_too_long_is_an_error_and_its_late_output_is_dropped(ledger, by, deadline):
    one = call("a")
    ledger.called(one, by, 20, 0)
    ledger.finished("r", 0)
    assert ledger.due == deadline and ledger.tick(deadline - 0.1) == []
    assert ledger.tick(deadline) == [Book(one, tools.TOO_LATE, True), Output(one, tools.TOO_LATE, True), AskForAnswer()]
    assert ledger.executed("a", "late", False, 99) == []


def test_what_the_model_withdraws_is_booked_but_not_sent_and_nobody_answers(ledger):
    one = call("a")
    ledger.called(one, "server", 20, 0)
    ledger.finished("r", 0)
    assert ledger.cancelled(["a", "unknown"], 1) == [Book(one, tools.CANCELLED, True)]
    assert ledger.executed("a", "x", False, 2) == [] and ledger.cancelled(["a"], 3) == []
    with pytest.raises(BadRequest, match="already"):
        ledger.answered("a", "x", False, 4)
    assert ledger.due is None


def test_the_same_call_twice_is_executed_once(ledger):
    ledger.called(call("a"), "server", 20, 0)
    assert ledger.called(call("a", "other"), "server", 20, 0) == []


def test_too_many_calls_are_answered_at_once(ledger):
    for number in range(tools.MAX_OPEN):
        ledger.called(call(f"c{number}"), "server", 20, 0)
    refused = ledger.called(call("more"), "server", 20, 0)
    assert kinds(refused) == ["Book", "Output"] and refused[1].text == tools.TOO_MANY


def test_old_calls_are_forgotten_open_ones_never(ledger):
    ledger.called(call("open"), "client", 1e6, 0)
    for number in range(2 * tools.MAX_CALLS):
        ledger.called(call(f"c{number}", f"r{number}"), "server", 20, 0)
        ledger.executed(f"c{number}", "x", False, 0)
        ledger.finished(f"r{number}", 0)
        ledger.listed(call(f"l{number}"))
    assert len(ledger._entries) == tools.MAX_CALLS and len(ledger._rounds) <= tools.MAX_CALLS
    assert [one.call_id for one in ledger.waiting] == ["open"]


# --- a caller who interrupts ------------------------------------------------------------------------------------------


def test_an_interrupted_reply_changes_nothing_about_its_calls(ledger):
    one = call("a")
    ledger.called(one, "server", 20, 0)
    ledger.speech(True, 1)
    ledger.finished("r", 1.1)
    assert ledger.executed("a", "x", False, 2) == [Book(one, "x", False), Output(one, "x", False)], (
        "not into the speech"
    )
    assert ledger.speech(False, 3) == []
    assert ledger.answering(3.5) == [], "the answer to what was said knows the output"
    assert ledger.due is None


def test_a_turn_that_nobody_answers_does_not_swallow_the_output(ledger):
    ledger.called(call("a"), "server", 20, 0)
    ledger.finished("r", 0)
    ledger.speech(True, 1)
    ledger.executed("a", "x", False, 2)
    ledger.speech(False, 3)
    assert ledger.due == 3 + tools.TURN_ANSWERED_WITHIN_S
    assert ledger.tick(ledger.due) == [AskForAnswer()]


def test_a_cough_delays_nothing(ledger):
    ledger.called(call("a"), "server", 20, 0)
    ledger.finished("r", 0)
    ledger.speech(True, 1)
    ledger.executed("a", "x", False, 2)
    assert ledger.speech(False, 3, turn=False) == [AskForAnswer()]


def test_an_output_that_comes_during_the_answer_to_the_next_turn_has_its_own_answer(ledger):
    ledger.called(call("a"), "server", 20, 0)
    ledger.finished("r", 0)
    ledger.speech(True, 1)
    ledger.speech(False, 2)
    ledger.answering(2.5)
    assert AskForAnswer() in ledger.executed("a", "x", False, 3)


def test_of_a_reply_that_the_client_cancelled_nobody_wants_to_hear(ledger):
    ledger.called(call("a"), "server", 20, 0)
    ledger.finished("r", 1, wanted=False)
    assert kinds(ledger.executed("a", "x", False, 2)) == ["Book", "Output"] and ledger.due is None


# --- another provider -------------------------------------------------------------------------------------------------


def test_a_late_output_goes_to_the_provider_that_is_there_now(ledger):
    one = call("a")
    ledger.called(one, "server", 20, 0)
    ledger.moved(1)
    assert ledger.executed("a", "x", False, 2) == [
        Book(one, "x", False),
        Output(one, "x", False, foreign=True),
        AskForAnswer(),
    ]


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_the_next_provider_asks_for_the_same_thing_and_it_is_done_once(ledger, when):
    first, again = call("a", "r1", arguments='{"x":1,"y":2}'), call("b", "r2", arguments='{ "y": 2, "x": 1 }')
    ledger.called(first, "server", 20, 0)
    done = ledger.executed("a", "booked", False, 1) if when == "before" else []
    done += ledger.moved(2)
    done += ledger.executed("a", "booked", False, 3) if when == "between" else []
    done += ledger.called(again, "server", 20, 4)
    done += ledger.executed("a", "booked", False, 5) if when == "after" else []
    done += ledger.finished("r2", 6)
    assert not [action for action in done if isinstance(action, Execute)]
    assert [action.call for action in done if isinstance(action, Book)] == [first, again]
    assert [action for action in done if isinstance(action, Output)][-1] == Output(again, "booked", False)
    assert done.count(Output(first, "booked", False, foreign=True)) == (when == "between")


def test_a_third_provider_asks_for_it_too(ledger):
    for leg, name in enumerate("abc"):
        asked = ledger.called(call(name, f"r{leg}", arguments="{}"), "client", 20, leg)
        assert kinds(asked) == (["Offer"] if name == "a" else [])
        ledger.moved(leg + 0.5) if name != "c" else None
    assert [one.call_id for one in ledger.waiting] == ["a"]
    given = ledger.answered("a", "x", False, 5)
    assert [(type(action).__name__, action.call.call_id) for action in given] == [
        ("Book", "b"), ("Book", "c"), ("Output", "c"),
    ]  # fmt: skip


def test_a_provider_that_asks_for_it_twice_wants_it_twice(ledger):
    ledger.called(call("a", "r1", arguments="{}"), "server", 20, 0)
    ledger.moved(1)
    assert kinds(ledger.called(call("b", "r2", arguments="{}"), "server", 20, 2)) == []
    assert kinds(ledger.called(call("c", "r2", arguments="{}"), "server", 20, 2)) == ["Execute"]


def test_who_executes_does_not_change_with_the_provider(ledger):
    ledger.called(call("a", "r1", arguments="{}"), "server", 20, 0)
    ledger.moved(1)
    assert kinds(ledger.called(call("b", "r2", arguments="{}"), "client", 20, 2)) == [], "its server may be away now"
    with pytest.raises(BadRequest, match="server"):
        ledger.answered("b", "x", False, 3)


def test_the_client_may_answer_under_the_new_name(ledger):
    ledger.called(call("a", arguments="{}"), "client", 20, 0)
    ledger.moved(1)
    ledger.called(call("b", "r2", arguments="{}"), "client", 20, 2)
    assert kinds(ledger.answered("b", "x", False, 3)) == ["Book", "Output"] and not ledger.busy


def test_the_same_thing_again_after_it_was_answered_is_done_again(ledger):
    ledger.called(call("a", arguments="{}"), "server", 20, 0)
    ledger.finished("r", 0)
    ledger.executed("a", "x", False, 1)
    ledger.answering(1)
    ledger.moved(2)
    assert kinds(ledger.called(call("b", "r2", arguments="{}"), "server", 20, 3)) == ["Execute"]


def test_a_withdrawn_call_is_no_reason_not_to_do_it_now(ledger):
    ledger.called(call("a", arguments="{}"), "server", 20, 0)
    ledger.cancelled(["a"], 1)
    ledger.moved(2)
    assert kinds(ledger.called(call("b", "r2", arguments="{}"), "server", 20, 3)) == ["Execute"]


def test_a_resumed_session_that_repeats_a_call_is_told_the_output_again_and_nothing_is_executed(ledger):
    one = call("a")
    ledger.called(one, "server", 20, 0)
    ledger.executed("a", "x", False, 1)
    ledger.moved(2)
    assert ledger.called(call("a", "r2"), "server", 20, 3) == [Output(one, "x", False)]
    assert ledger.finished("r2", 4) == [AskForAnswer()]


def test_a_resumed_session_that_repeats_an_open_call_waits_for_its_output(ledger):
    one = call("a")
    ledger.called(one, "server", 20, 0)
    ledger.moved(2)
    assert ledger.called(call("a", "r2"), "server", 20, 3) == []
    assert ledger.executed("a", "x", False, 4) == [Book(one, "x", False), Output(one, "x", False)]
    assert ledger.finished("r2", 5) == [AskForAnswer()]


# --- meanwhile --------------------------------------------------------------------------------------------------------


def test_a_slow_tool_is_bridged_and_a_fast_one_is_not():
    ledger = ToolLedger(FILLER)
    ledger.called(call("a"), "server", 20, 0)
    assert ledger.due == 1.5 and ledger.tick(1.5) == [Filler("one moment")]
    ledger.sounding(True, 1.6)
    assert ledger.speech(True, 2) == [StopFiller()]
    ledger.speech(False, 3, turn=False)
    ledger.sounding(False, 3)
    ledger.executed("a", "x", False, 4)
    assert ledger.due is None
    ledger.called(call("b", "r2"), "client", 20, 5)
    ledger.answered("b", "x", False, 6)
    assert ledger.tick(7) == []


# --- whatever happens -------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["book", "find"])
ARGUMENTS = st.sampled_from(["{}", '{"a":1}', '{ "a": 1 }', "nonsense"])


class World(RuleBasedStateMachine):
    """Everything that can happen, in any order; the books are kept a second time here, more simply."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = ToolLedger(FILLER)
        self.now = 0.0
        self.leg = 0
        self.responses = 0
        self.made: dict[str, str] = {}  # call -> who
        self.executing: list[str] = []
        self.executed: Counter[str] = Counter()
        self.offered: Counter[str] = Counter()
        self.booked: Counter[str] = Counter()
        self.sent: Counter[tuple[int, str, bool]] = Counter()
        self.withdrawn: set[tuple[int, str]] = set()
        self.asks = 0
        self.speaking = False
        self.sounding = False

    def do(self, actions: list[Any], given: str = "") -> None:
        if given:
            self.booked[given] += 1
        for action in actions:
            if isinstance(action, Execute):
                self.executed[action.call.call_id] += 1
                self.executing.append(action.call.call_id)
            elif isinstance(action, Offer):
                self.offered[action.call.call_id] += 1
            elif isinstance(action, Book):
                self.booked[action.call.call_id] += 1
            elif isinstance(action, Output):
                assert (self.leg, action.call.call_id) not in self.withdrawn
                self.sent[self.leg, action.call.call_id, action.foreign] += 1
            elif isinstance(action, AskForAnswer):
                self.asks += 1
                assert not self.speaking, "an answer into the caller's speech"
            elif isinstance(action, Filler):
                assert not self.speaking and not self.sounding

    @rule(target=calls, name=NAMES, arguments=ARGUMENTS, by=st.sampled_from(["server", "client"]), new=st.booleans())
    def call(self, name: str, arguments: str, by: str, new: bool) -> str:
        self.responses += new or not self.responses
        call_id = f"call_{len(self.made)}"
        self.made[call_id] = by
        made = ToolCalled(f"r{self.responses}", "item", call_id, name, arguments)
        self.do(self.ledger.called(made, by, 5.0, self.now))  # type: ignore[arg-type]
        return call_id

    @rule(call_id=calls)
    def call_again(self, call_id: str) -> None:
        made = ToolCalled(f"r{self.responses}", "item", call_id, "book", "{}")
        self.do(self.ledger.called(made, "server", 5.0, self.now))

    @rule(ago=st.integers(0, 3), wanted=st.booleans())
    def finish(self, ago: int, wanted: bool) -> None:
        self.do(self.ledger.finished(f"r{self.responses - ago}", self.now, wanted=wanted))

    @rule(which=st.integers(0, 5), error=st.booleans(), keep=st.booleans())
    def execute(self, which: int, error: bool, keep: bool) -> None:
        if which < len(self.executing):
            call_id = self.executing[which] if keep else self.executing.pop(which)  # kept: its output comes twice
            self.do(self.ledger.executed(call_id, "x", error, self.now))

    @rule(call_id=calls)
    def answer(self, call_id: str) -> None:
        before = self.booked[call_id]
        try:
            actions = self.ledger.answered(call_id, "x", False, self.now)
        except BadRequest as refused:
            assert refused.code in ("tool_already_answered", "tool_executed_by_server")
            assert (refused.code == "tool_already_answered") == (before == 1)
            return
        assert before == 0
        self.do(actions, given=call_id)

    @rule(call_id=calls)
    def cancel(self, call_id: str) -> None:
        actions = self.ledger.cancelled([call_id], self.now)
        self.do(actions)
        if any(isinstance(action, Book) for action in actions):
            self.withdrawn.add((self.leg, call_id))

    @rule()
    def move(self) -> None:
        self.leg += 1
        self.do(self.ledger.moved(self.now))

    @rule()
    def answering(self) -> None:
        self.do(self.ledger.answering(self.now))

    @rule()
    def ask(self) -> None:
        self.ledger.asked(self.now)

    @rule(turn=st.booleans())
    def speech(self, turn: bool) -> None:
        self.speaking = not self.speaking
        self.do(self.ledger.speech(self.speaking, self.now, turn=turn))

    @rule()
    def sound(self) -> None:
        self.sounding = not self.sounding
        self.do(self.ledger.sounding(self.sounding, self.now))

    @rule(seconds=st.floats(0.1, 4.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.do(self.ledger.tick(self.now))

    @invariant()
    def once(self) -> None:
        for counter in (self.executed, self.offered, self.booked, self.sent):
            assert max(counter.values(), default=0) <= 1, counter
        assert not set(self.executed) & set(self.offered)
        assert self.asks <= self.responses + self.leg, "one answer for a response, however many calls"

    def teardown(self) -> None:
        """When everything has come to rest each call has one output, and nothing is waited for any more."""
        if self.speaking:
            self.speech(turn=True)
        if self.sounding:
            self.sound()
        for ago in range(self.responses):
            self.finish(ago, True)
        for _ in range(100):
            due = self.ledger.due
            if due is None:
                break
            assert due >= self.now - 10
            self.now = max(self.now, due)
            self.do(self.ledger.tick(self.now))
        assert self.ledger.due is None and not self.ledger.busy
        assert all(self.booked[call_id] == 1 for call_id in self.made), "no call without an output"
        self.once()


World.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestWhateverHappens = World.TestCase
