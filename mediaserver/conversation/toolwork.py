"""The shell around the book of function calls: executes what the server executes, and carries outputs where they belong."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from mediaserver.clock import Clock, earliest, new_id
from mediaserver.commands import Command, CreateItem, CreateResponse
from mediaserver.conversation.audience import Audience
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.filler import Filler, StopFiller
from mediaserver.conversation.record import CallRecord
from mediaserver.conversation.tools import Action, AskForAnswer, Book, Execute, Offer, Output, ToolLedger
from mediaserver.errors import BadRequest, Unsupported
from mediaserver.events import (
    Event,
    ItemAdded,
    ItemDone,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolsCancelled,
)
from mediaserver.items import Item
from mediaserver.settings import Settings
from mediaserver.toolbox import Tools

AGAIN_S = 0.2
CLIENT_DEADLINE_S = 600.0
"""A client may let a person answer."""


class Talker(Protocol):
    """The part of a talk that outputs are for."""

    @property
    def answers_outputs(self) -> bool:
        """The provider goes on by itself when it has an output."""
        ...

    def ask(self, command: Command) -> None:
        """Do what is asked."""
        ...

    def give_output(self, item: Item, *, foreign: bool) -> None:
        """Give the provider an output."""
        ...


class ToolWork:
    """One conversation's function calls. ``talk`` is whoever carries the conversation now; ``take`` queues a handler."""

    def __init__(
        self,
        ledger: ToolLedger,
        tools: Tools | None,
        audience: Audience,
        conversation: Conversation,
        talk: Callable[[], Talker],
        take: Callable[[Callable[[Any], None], Any], None],
        record: CallRecord,
        clock: Clock,
        session_id: str,
    ) -> None:
        self.ledger = ledger
        self._tools = tools
        self._audience = audience
        self._conversation = conversation
        self._talk = talk
        self._take = take
        self._record = record
        self._clock = clock
        self._session_id = session_id
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ask_at: float | None = None
        self._phrase = ""
        self._hidden: deque[str] = deque(maxlen=256)  # calls that are not the client's to answer
        self._aside: set[str] = set()  # responses outside the conversation: their calls are the client's business
        self._actions: dict[type, Callable[[Any], None]] = {
            Execute: self._execute,
            Offer: lambda _: None,  # the client was told of the call already
            Book: self._book,
            Output: self._output,
            AskForAnswer: lambda _: self._answer(),
            Filler: self._filler,
            StopFiller: self._stop_filler,
        }

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Executions run in this group."""
        self._group = group

    # --- settings -----------------------------------------------------------------------------------------------------

    def offered(self, settings: Settings) -> Settings:
        """Return the settings with the tools of this server beside the client's own, which win where names are the same."""
        if self._tools is None:
            return settings
        own = {tool.name for tool in settings.tools}
        more = tuple(tool for tool in self._tools.declared if tool.name not in own)
        return replace(settings, tools=(*settings.tools, *more)) if more else settings

    def shown(self, settings: Settings) -> Settings:
        """Return the settings as clients know them: without the tools that the server executes."""
        return replace(settings, tools=tuple(tool for tool in settings.tools if not self._owns(tool.name)))

    def _owns(self, name: str | None) -> bool:
        return self._tools is not None and name is not None and self._tools.owns(name)

    def hides(self, event: Event) -> bool:
        """Say whether an event is of a call that the server executes: a client would take it for one of its own."""
        if isinstance(event, ToolCalled):
            return event.call_id in self._hidden
        return isinstance(event, ItemAdded | ItemDone) and event.item.call_id in self._hidden

    # --- the model calls ----------------------------------------------------------------------------------------------

    def called(self, event: ToolCalled) -> list[Action]:
        """Book a call before anybody is told of it; what it returns is for :meth:`do`, when they were."""
        if event.response_id in self._aside:
            return []
        now = self._clock()
        if self._tools is not None and self._owns(event.name):
            actions = self.ledger.called(event, "server", self._tools.deadline_s(event.name), now)
        else:
            actions = self.ledger.called(event, "client", CLIENT_DEADLINE_S, now)
        if not any(isinstance(action, Offer) for action in actions):
            self._hidden.append(event.call_id)
        else:
            self._record.note("tool_called", call_id=event.call_id, name=event.name, by="client")
        return actions

    # --- what happens -------------------------------------------------------------------------------------------------

    def seen(self, event: Event) -> None:
        """Take what was told to the client."""
        row = _SEEN.get(type(event))
        if row is not None:
            self.do(row(self, event, self._clock()))

    def asked(self, command: Command) -> bool:
        """Take what a client asks; say whether it is still to be done. Raises BadRequest."""
        now = self._clock()
        if isinstance(command, CreateItem) and command.item.kind == "function_call":
            item = command.item
            self.ledger.listed(ToolCalled("", item.id, item.call_id or "", item.name or "", item.arguments))
        elif isinstance(command, CreateItem) and command.item.kind == "function_call_output":
            return self._answered(command, now)
        elif isinstance(command, CreateResponse) and not command.out_of_band:
            return self.ledger.asked(now)
        return True

    def _answered(self, command: CreateItem, now: float) -> bool:
        """Book the client's output; say whether its item is to go to the provider as it is: to the one that asked."""
        item = command.item
        actions = self.ledger.answered(item.call_id or "", item.output, item.error, now)
        given = [one for one in actions if isinstance(one, Output) and one.call.call_id == item.call_id]
        foreign = any(one.foreign for one in given) or not given
        if foreign:
            previous = self._conversation.add(item, command.previous_item_id)
            self._audience.tell(ItemAdded(item, previous))
            self._audience.tell(ItemDone(item, previous))
        self.do([one for one in actions if foreign or one not in given])
        return not foreign

    def cancelled(self, event: ToolsCancelled) -> None:
        """The model wants no output any more."""
        for call_id in event.call_ids:
            task = self._running.pop(call_id, None)
            if task is not None:
                task.cancel()
        self.do(self.ledger.cancelled(event.call_ids, self._clock()))

    def moved(self) -> None:
        """Another provider goes on."""
        self.do(self.ledger.moved(self._clock()))

    @property
    def due(self) -> float | None:
        """When :meth:`tick` has something to do."""
        return earliest(self.ledger.due, self._ask_at)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._ask_at is not None and now >= self._ask_at:
            self._ask_at = None
            self._answer()
        self.do(self.ledger.tick(now))

    # --- what is to be done -------------------------------------------------------------------------------------------

    def do(self, actions: list[Action]) -> None:
        """Do what the book says."""
        for action in actions:
            self._actions[type(action)](action)

    def _execute(self, action: Execute) -> None:
        call = action.call
        self._record.note("tool_called", call_id=call.call_id, name=call.name, by="server")
        if self._group is not None:
            task = self._group.create_task(self._run(action), name=f"tool {call.name}")
            self._running[call.call_id] = task
            task.add_done_callback(lambda _: self._running.pop(call.call_id, None))

    async def _run(self, action: Execute) -> None:
        call = action.call
        assert self._tools is not None  # noqa: S101 - what the server executes it has
        output = await self._tools.call(
            call.name, call.arguments, call.call_id, action.deadline_s, session_id=self._session_id
        )
        self._take(self._executed, (call.call_id, output.text, output.error))

    def _executed(self, done: tuple[str, str, bool]) -> None:
        call_id, text, error = done
        self._record.note("tool_answered", call_id=call_id, error=error)
        self.do(self.ledger.executed(call_id, text, error, self._clock()))

    def _book(self, action: Book) -> None:
        item = _output_item(action.call, action.text, action.error)
        try:
            previous = self._conversation.add(item)
        except BadRequest:
            return  # too large for the conversation: the model is told all the same
        self._audience.tell(ItemAdded(item, previous))
        self._audience.tell(ItemDone(item, previous))

    def _output(self, action: Output) -> None:
        item = _output_item(action.call, action.text, action.error)
        try:
            self._talk().give_output(item, foreign=action.foreign)
        except Unsupported as refused:
            self._record.note("tool_output_refused", call_id=action.call.call_id, why=refused.message)

    def _answer(self) -> None:
        if self._talk().answers_outputs:
            return
        try:
            self._talk().ask(CreateResponse())
        except BadRequest:  # another one is being made: after that
            self._ask_at = self._clock() + AGAIN_S
        except Unsupported as refused:
            self._record.note("answer_refused", why=refused.message)

    def _filler(self, action: Filler) -> None:
        item_id = self._audience.say(action.text, "filler")
        if item_id is not None:
            self._record.note("filler")
            self._phrase = item_id

    def _stop_filler(self, _: StopFiller) -> None:
        """Say no more of the phrase; where a reply waits behind it or is heard already, that is the talk's to stop."""
        if self._audience.queue == (self._phrase,):
            self._audience.clear()

    # --- rows of what is seen -----------------------------------------------------------------------------------------

    def _created(self, event: ResponseCreated, now: float) -> list[Action]:
        if event.out_of_band:
            if len(self._aside) >= 256:
                self._aside.clear()
            self._aside.add(event.response_id)
            return []
        return self.ledger.answering(now)

    def _done(self, event: ResponseDone, now: float) -> list[Action]:
        if event.response_id in self._aside:
            self._aside.discard(event.response_id)
            return []
        return self.ledger.finished(event.response_id, now, wanted=event.reason != "client_cancelled")


def _output_item(call: ToolCalled, text: str, error: bool) -> Item:
    return Item(new_id("item"), "function_call_output", call_id=call.call_id, name=call.name, output=text, error=error)


_SEEN: dict[type[Event], Callable[[ToolWork, Any, float], list[Action]]] = {
    ResponseCreated: ToolWork._created,
    ResponseDone: ToolWork._done,
    SpeechStarted: lambda work, _, now: work.ledger.speech(True, now),
    SpeechStopped: lambda work, _, now: work.ledger.speech(False, now),
    OutputStarted: lambda work, _, now: work.ledger.sounding(True, now),
    OutputStopped: lambda work, _, now: work.ledger.sounding(False, now),
    OutputCleared: lambda work, _, now: work.ledger.sounding(False, now),
}
