"""The book of function calls: each is executed at most once and answered exactly once, whatever happens meanwhile.

Pure: what happened and ``now`` (monotonic seconds) go in, what to do comes out. A caller who interrupts, a provider that is
replaced, a client that comes back, a tool that takes too long or an output that comes twice are all entries in this book.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from mediaserver.clock import earliest
from mediaserver.conversation.filler import Filler, Fillers, StopFiller
from mediaserver.errors import BadRequest
from mediaserver.events import ToolCalled
from mediaserver.remember import remember
from mediaserver.toolconfig import ToolFiller

MAX_CALLS = 256
"""Calls that are remembered; the oldest answered ones are forgotten first."""
MAX_OPEN = 64
"""Calls without an output at one time; one more is answered at once with an error."""
CLIENT_ASKS_WITHIN_S = 1.0
"""A client that gave one of several outputs asks for the answer by itself; after so long we do."""
TURN_ANSWERED_WITHIN_S = 2.0
"""After a turn of the caller its answer begins, and speaks of the outputs too; after so long we ask for one."""
SLACK_S = 0.5
"""What executes a call ends it at its deadline and says why; after so much more we end it ourselves."""

CANCELLED = '{"error": "cancelled by the model"}'
TOO_LATE = '{"error": "the tool did not answer in time"}'
TOO_MANY = '{"error": "too many tools are running"}'

Executor = Literal["server", "client"]
"""``client``: whoever controls the call, its client or a sideband; the first output counts."""


@dataclass(frozen=True, slots=True)
class Execute:
    """Execute this call here, and tell :meth:`ToolLedger.executed` what came of it."""

    call: ToolCalled
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Offer:
    """The client and the sideband are to execute this call."""

    call: ToolCalled


@dataclass(frozen=True, slots=True)
class Book:
    """Put this output into the conversation. What a client gave is an item already and is not booked again."""

    call: ToolCalled
    text: str = field(repr=False)
    error: bool


@dataclass(frozen=True, slots=True)
class Output:
    """Give this output to the provider.

    ``foreign``: the call was made to another provider before this one, which does not know its ``call_id``: call and output
    are given as history.
    """

    call: ToolCalled
    text: str = field(repr=False)
    error: bool
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class AskForAnswer:
    """Everything that a response called has its output: have the model answer, once, also whatever else waits for it."""


Action = Execute | Offer | Book | Output | AskForAnswer | Filler | StopFiller


@dataclass(slots=True)
class _Entry:
    call: ToolCalled
    by: Executor
    leg: int  # the provider that knows the call
    deadline: float | None  # None: put into the conversation by the client, who waits for nothing
    open: bool = True
    text: str = ""
    error: bool = False
    answered: bool = False  # an answer began that knows the output
    withdrawn: bool = False  # the model wants no output any more
    original: str | None = None  # the same call, made to a provider before this one
    twins: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Round:
    """What one response called."""

    calls: list[str] = field(default_factory=list)
    over: bool = False  # the response is done
    wanted: bool = True  # nobody cancelled it
    ours: bool = False  # an output came from the server, or in its name
    fresh: bool = False  # one came from the client, which has not asked for the answer since
    held: bool = False  # it asked before everything was there
    asked: bool = False  # we asked; the answer has not begun
    ask_at: float | None = None


class ToolLedger:
    """One conversation's book. Calls of responses outside the conversation are no business of it.

    Methods that take what happened return what to do, in order. ``filler`` are the rules for what is said meanwhile.
    """

    def __init__(self, filler: ToolFiller | None = None) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._rounds: dict[str, _Round] = {}
        self._finished: deque[str] = deque(maxlen=32)
        self._filler = Fillers(filler or ToolFiller())
        self._leg = 0
        self._speaking = False
        self._quiet_at = 0.0

    # --- what others may know -----------------------------------------------------------------------------------------

    @property
    def waiting(self) -> tuple[ToolCalled, ...]:
        """Calls that the client or the sideband has still to answer, oldest first: tell them to one that comes back."""
        return tuple(one.call for one in self._open() if one.by == "client" and one.original is None)

    @property
    def busy(self) -> bool:
        """A call has no output yet."""
        return bool(self._open())

    @property
    def due(self) -> float | None:
        """When :meth:`tick` has something to do, monotonic seconds."""
        waits = [one.deadline for one in self._open()]
        if not self._speaking:
            waits += [max(one.ask_at, self._quiet_at) for one in self._rounds.values() if one.ask_at is not None]
        return earliest(*waits, self._filler.due)

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        actions: list[Action] = []
        for entry in self._open():
            if entry.open and entry.deadline is not None and now >= entry.deadline:
                actions += self._settle(entry, TOO_LATE, True, "server")
        return [*actions, *self._go_on(now), *self._filler.tick(now)]

    # --- what the model does ------------------------------------------------------------------------------------------

    def called(self, call: ToolCalled, by: Executor, deadline_s: float, now: float) -> list[Action]:
        """The model calls a function; an output that does not come within ``deadline_s`` is an error."""
        known = self._entries.get(call.call_id)
        if known is not None:
            return [*self._called_again(known, call), *self._go_on(now)]
        full = len(self._open()) >= MAX_OPEN
        slack = SLACK_S if by == "server" else 0.0
        entry = self._enter(_Entry(call, by, self._leg, now + deadline_s + slack))
        self._round(call.response_id).calls.append(call.call_id)
        actions: list[Action]
        if full:
            actions = self._settle(entry, TOO_MANY, True, "server")
        elif (original := self._made_before(entry)) is not None:
            actions = self._join(entry, original)
        else:
            actions = [Execute(call, deadline_s) if by == "server" else Offer(call)]
        return [*actions, *self._go_on(now)]

    def finished(self, response_id: str, now: float, *, wanted: bool = True) -> list[Action]:
        """A response is done; ``wanted`` is false when the client cancelled it: then nobody waits for what comes of it."""
        self._finished.append(response_id)
        one = self._rounds.get(response_id)
        if one is not None:
            one.over, one.wanted = True, wanted
        return self._go_on(now)

    def answering(self, now: float) -> list[Action]:
        """A response of the conversation has begun: it speaks of every output that is there."""
        for name in [name for name, one in self._rounds.items() if self._complete(one)]:
            for call_id in self._rounds.pop(name).calls:
                if (entry := self._entries.get(call_id)) is not None:
                    entry.answered = True
        self._quiet_at = now
        return self._go_on(now)

    def cancelled(self, call_ids: Iterable[str], now: float) -> list[Action]:
        """The model wants no output any more: what is being executed may end, and what comes of it is not sent."""
        actions: list[Action] = []
        for entry in [self._entries[call_id] for call_id in call_ids if call_id in self._entries]:
            if entry.open:
                entry.open, entry.text, entry.error = False, CANCELLED, True
                entry.withdrawn, entry.leg = True, self._leg
                actions.append(Book(entry.call, CANCELLED, True))
        return [*actions, *self._go_on(now)]

    def moved(self, now: float) -> list[Action]:
        """Another provider goes on with the call: it knows the calls so far as history, and their responses are over."""
        self._leg += 1
        for one in self._rounds.values():
            one.over = True
        return self._go_on(now)

    # --- what executes ------------------------------------------------------------------------------------------------

    def executed(self, call_id: str, text: str, error: bool, now: float) -> list[Action]:
        """The server has executed a call. An output that comes too late, or twice, changes nothing."""
        entry = self._entries.get(call_id)
        return [] if entry is None else [*self._settle_all(entry, text, error, "server"), *self._go_on(now)]

    def answered(self, call_id: str, text: str, error: bool, now: float) -> list[Action]:
        """The client or the sideband gives an output, as an item of the conversation.

        Raises BadRequest: ``invalid_tool_call_id``, ``tool_already_answered`` or ``tool_executed_by_server``.
        """
        entry = self._entries.get(call_id)
        if entry is None:  # code and sentence of the contract, as seen in livekit/agents#3344
            raise _refused(f"Tool call ID '{call_id[:100]}' not found in conversation.", "invalid_tool_call_id")
        if not entry.open:
            raise _refused("this call has its output already", "tool_already_answered")
        if entry.by == "server":
            raise _refused("this call is executed by the server", "tool_executed_by_server")
        original = self._entries.get(entry.original or "") or entry
        return [*self._settle_all(original, text, error, "client", given=call_id), *self._go_on(now)]

    def listed(self, call: ToolCalled) -> None:
        """The client put a call into the conversation itself, as history: its output is the client's to add."""
        if call.call_id not in self._entries:
            self._enter(_Entry(call, "client", self._leg, None, answered=True))

    def asked(self, now: float) -> bool:
        """The client asks for an answer in the conversation: say whether it is to be made now.

        One that has just given one of several outputs is answered when the others are there too, by AskForAnswer.
        """
        held = [one for one in self._rounds.values() if one.fresh and not self._complete(one)]
        for one in held:
            one.fresh, one.held = False, True
        if not held:
            self.answering(now)
        return not held

    # --- what is said meanwhile ---------------------------------------------------------------------------------------

    def speech(self, speaking: bool, now: float, *, turn: bool = True) -> list[Action]:
        """The caller began or stopped speaking; ``turn``: it was something to answer, no cough."""
        self._speaking = speaking
        if not speaking:
            self._quiet_at = now + (TURN_ANSWERED_WITHIN_S if turn else 0.0)
            for one in self._rounds.values():
                one.fresh = one.fresh and not turn
        return [*self._filler.speech(speaking, now), *self._go_on(now)]

    def sounding(self, sounding: bool, now: float) -> list[Action]:
        """Something (a reply, a phrase) began to be played to the caller, or nothing is any more."""
        self._filler.sounding(sounding, now)
        return self._go_on(now)

    # --- entries ------------------------------------------------------------------------------------------------------

    def _open(self) -> list[_Entry]:
        return [entry for entry in self._entries.values() if entry.open and entry.deadline is not None]

    def _enter(self, entry: _Entry) -> _Entry:
        while len(self._entries) >= MAX_CALLS:
            closed = (name for name, one in self._entries.items() if not one.open or one.deadline is None)
            del self._entries[next(closed)]  # there is one: fewer than MAX_OPEN others are open
        self._entries[entry.call.call_id] = entry
        return entry

    def _called_again(self, known: _Entry, call: ToolCalled) -> list[Action]:
        """The same call once more: news only to a provider that has taken up the old one's session."""
        if known.leg == self._leg:
            return []
        known.leg = self._leg
        for one in self._rounds.values():
            one.calls = [call_id for call_id in one.calls if call_id != call.call_id]
        one = self._round(call.response_id)
        one.calls.append(call.call_id)
        if known.open:
            return []
        one.ours = True
        return [Output(known.call, known.text, known.error)]

    def _made_before(self, entry: _Entry) -> _Entry | None:
        """Return the same call to a provider before this one, which ended before it could speak of the output.

        The provider that goes on hears the same words and calls the same function again: a table must not be booked twice.
        """
        like = _like(entry)
        for one in self._entries.values():
            settled = one.answered or one.withdrawn or one.original is not None
            if one.leg < self._leg and not settled and not self._here_too(one) and _like(one) == like:
                return one
        return None

    def _here_too(self, original: _Entry) -> bool:
        """Say whether the same call was made to this provider as well."""
        return any(name in self._entries and self._entries[name].leg == self._leg for name in original.twins)

    def _join(self, entry: _Entry, original: _Entry) -> list[Action]:
        entry.original, entry.by, entry.deadline = original.call.call_id, original.by, original.deadline
        original.twins.append(entry.call.call_id)
        return [] if original.open else self._settle(entry, original.text, original.error, "server")

    def _settle_all(self, original: _Entry, text: str, error: bool, source: Executor, given: str = "") -> list[Action]:
        entries = [original, *(self._entries[name] for name in original.twins if name in self._entries)]
        booked = [self._settle(one, text, error, source, given=given) for one in entries if one.open]
        return [action for actions in booked for action in actions]

    def _settle(self, entry: _Entry, text: str, error: bool, source: Executor, given: str = "") -> list[Action]:
        entry.open, entry.text, entry.error = False, text, error
        for one in self._rounds.values():
            if entry.call.call_id in one.calls:
                one.ours = one.ours or source == "server"
                one.fresh = one.fresh or source == "client"
        foreign = entry.leg != self._leg
        actions: list[Action] = [] if entry.call.call_id == given else [Book(entry.call, text, error)]
        original = self._entries.get(entry.original or "") or entry
        if not (foreign and self._here_too(original)):  # else the same call to this provider brings the output
            actions.append(Output(entry.call, text, error, foreign))
        return actions

    # --- rounds -------------------------------------------------------------------------------------------------------

    def _round(self, response_id: str) -> _Round:
        if response_id not in self._rounds:
            remember(self._rounds, response_id, _Round(over=response_id in self._finished), MAX_CALLS)
        return self._rounds[response_id]

    def _complete(self, one: _Round) -> bool:
        entries = (self._entries.get(call_id) for call_id in one.calls)
        return one.over and not any(entry.open for entry in entries if entry is not None)

    def _go_on(self, now: float) -> list[Action]:
        """After anything that happened: ask for the answers that are due, and say whether a tool is waited for."""
        self._filler.wait(self.busy, now)
        for one in self._rounds.values():
            if one.ask_at is None and not one.asked and self._complete(one) and _ours_to_ask(one):
                one.ask_at = now + (CLIENT_ASKS_WITHIN_S if one.fresh else 0.0)
        if self._speaking or now < self._quiet_at:
            return []
        ready = [one for one in self._rounds.values() if one.ask_at is not None and one.ask_at <= now]
        for one in ready:
            one.asked, one.ask_at = True, None
        return [AskForAnswer()] if ready else []


def _ours_to_ask(one: _Round) -> bool:
    """Where only the client gave outputs it asks for the answer itself, as the contract has it."""
    return one.held or (one.ours and one.wanted)


def _like(entry: _Entry) -> tuple[str, str]:
    """Return what two calls of the same thing have in common: the order and spacing of arguments say nothing."""
    arguments = entry.call.arguments
    try:
        return entry.call.name, msgspec.json.encode(msgspec.json.decode(arguments), order="sorted").decode()
    except (msgspec.MsgspecError, RecursionError):
        return entry.call.name, arguments


def _refused(message: str, code: str) -> BadRequest:
    return BadRequest(message, code=code, param="item.call_id")
