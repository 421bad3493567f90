from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mediaserver.commands import CreateItem, CreateResponse, Respond, UpdateSession
from mediaserver.events import (
    ItemAdded,
    OutputStarted,
    OutputStopped,
    Problem,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    ToolCalled,
    ToolsCancelled,
)
from mediaserver.items import Item
from mediaserver.settings import Tool
from mediaserver.toolbox import ToolOutput, Tools, ToolServer
from mediaserver.toolconfig import ToolFiller
from tests.conversation.calling import MOMENT, SETTINGS, Call, call, support, whole
from tests.conversation.test_audience import Listener
from tests.conversation.test_following import output
from tests.fakes.bridge import Delays, Reply, ScriptedBridge
from tests.fakes.provider import Provider, abilities

LOOK = Tool("look_up", "Looks something up.")
SAYS = (Reply(tool=("look_up", '{"n": 1}')), Reply("It is 42."), Reply("More."))
FILLER = ToolFiller(after_s=1.0, every_s=8.0, most=1, phrases=(MOMENT,))


@dataclass
class Toolbox:
    """Satisfies ``Tools``: one function that takes its time."""

    takes_s: float = 0.2
    text: str = "42"
    calls: list[str] = field(default_factory=list)
    cancelled: int = 0
    declared: tuple[Tool, ...] = (LOOK,)
    servers: tuple[ToolServer, ...] = ()

    def owns(self, name: str) -> bool:
        return name == LOOK.name

    def deadline_s(self, _name: str) -> float:
        return 20.0

    def only(self, _names: Sequence[str] | None) -> Tools:
        return self

    async def call(
        self, _name: str, _arguments: str, call_id: str, _deadline_s: float, *, session_id: str = ""
    ) -> ToolOutput:
        assert session_id == "sess_1"
        self.calls.append(call_id)
        try:
            await asyncio.sleep(self.takes_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return ToolOutput(self.text)


def outputs(bridge: Any) -> list[Item]:
    return [one.item for one in bridge.asked(CreateItem) if one.item.kind == "function_call_output"]


async def ask_and_wait(one: Call) -> None:
    await one.caller.say(600)
    await one.caller.until(OutputStopped)
    await asyncio.sleep(3)


@pytest.mark.parametrize("goes_on", [False, True])
def test_the_server_executes_gives_the_output_and_has_it_answered_once(goes_on: bool) -> None:
    tools, bridge = Toolbox(), Provider(hears=["what"], says=SAYS, capabilities=abilities(goes_on=goes_on))
    one = call(ask_and_wait, [bridge], with_support=support(tools=tools))
    whole(one.caller)
    assert len(tools.calls) == 1
    assert [item.output for item in outputs(bridge)] == ["42"]
    assert len(one.caller.told(ResponseCreated)) == 2
    assert len(bridge.asked(Respond)) == (0 if goes_on else 1)
    kinds = [entry["kind"] for entry in one.session.record.entries()]
    assert kinds.index("tool_called") < kinds.index("tool_answered")


def test_the_same_for_the_chain() -> None:
    tools, bridge = Toolbox(), ScriptedBridge(hears=["what"], says=SAYS)
    one = call(ask_and_wait, [bridge], with_support=support(tools=tools))
    whole(one.caller)
    last = bridge.asked(Respond)[-1]
    assert [item.kind for item in last.items] == ["message", "function_call", "function_call_output"]  # type: ignore[attr-defined]


def test_a_client_sees_neither_the_servers_tools_nor_their_calls_and_a_controller_does() -> None:
    tools, eye = Toolbox(), Listener()
    bridge = Provider(hears=["what"], says=SAYS)

    async def talk(one: Call) -> None:
        one.session.attach(eye)
        one.caller.ask(UpdateSession(settings=replace(SETTINGS, tools=(Tool("mine"),))))
        await ask_and_wait(one)

    one = call(talk, [bridge], with_support=support(tools=tools))
    assert bridge.opening is not None
    assert [tool.name for tool in bridge.opening.settings.tools] == ["look_up"]
    assert [[tool.name for tool in ask.settings.tools] for ask in bridge.asked(UpdateSession)] == [["mine", "look_up"]]  # type: ignore[attr-defined]
    assert one.caller.told(SessionCreated)[0].settings.tools == ()
    assert [tool.name for tool in one.caller.told(SessionUpdated)[0].settings.tools] == ["mine"]
    assert not one.caller.told(ToolCalled)
    assert not [added for added in one.caller.told(ItemAdded) if added.item.kind != "message"]
    assert any(isinstance(event, ToolCalled) for event in eye.events)


def test_the_client_executes_and_asks() -> None:
    bridge = Provider(hears=["what"], says=SAYS)

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        called = await one.caller.until(ToolCalled)
        await one.caller.until(ResponseDone)
        one.caller.ask(output(called.call_id))
        one.caller.ask(replace(output(called.call_id), event_id="twice"))
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    assert [item.output for item in outputs(bridge)] == ["42"]
    assert [(problem.code, problem.client_event_id) for problem in one.caller.told(Problem)] == [
        ("tool_already_answered", "twice")
    ]


def test_an_output_for_a_call_that_nobody_made_is_refused_and_reaches_nobody() -> None:
    bridge = Provider()

    async def talk(one: Call) -> None:
        one.caller.ask(output("call_none"))

    one = call(talk, [bridge])
    assert [problem.code for problem in one.caller.told(Problem)] == ["invalid_tool_call_id"]
    assert not outputs(bridge)
    assert not one.caller.told(ItemAdded)


def test_a_call_that_the_client_lists_as_history_takes_its_output() -> None:
    bridge = Provider()

    async def talk(one: Call) -> None:
        listed = Item("item_call", "function_call", call_id="c1", name="look_up", arguments="{}")
        one.caller.ask(CreateItem(item=listed))
        one.caller.ask(output("c1"))

    one = call(talk, [bridge])
    whole(one.caller)
    assert not one.caller.told(Problem)
    assert [item.output for item in outputs(bridge)] == ["42"]


def test_a_call_that_is_running_when_the_provider_fails_is_executed_once_and_its_output_told_as_history() -> None:
    tools = Toolbox(takes_s=2.0)
    first = Provider(hears=["what"], says=SAYS, name="a")
    second = Provider(says=[Reply("It is 42.")], name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(ResponseDone)
        first.breaks()
        await one.open_bridges(2)
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second], with_support=support(tools=tools))
    whole(one.caller)
    assert len(tools.calls) == 1
    assert not outputs(second)  # it knows no such call: it is told in words
    told = [ask.item for ask in second.asked(CreateItem) if ask.item.role == "system"]  # type: ignore[attr-defined]
    assert len(told) == 1
    assert "look_up" in told[0].text
    assert "42" in told[0].text
    assert len(second.asked(Respond)) == 1


def test_a_client_that_answers_after_a_failover_is_heard() -> None:
    first = Provider(hears=["what"], says=SAYS, name="a")
    second = Provider(says=[Reply("It is 42.")], name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        called = await one.caller.until(ToolCalled)
        await one.caller.until(ResponseDone)
        first.breaks()
        await one.open_bridges(2)
        one.caller.ask(output(called.call_id))
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second])
    whole(one.caller)
    assert not outputs(second)
    assert any("42" in ask.item.text for ask in second.asked(CreateItem))  # type: ignore[attr-defined]
    assert len(second.asked(Respond)) == 1


def test_a_model_that_wants_no_output_any_more_gets_none() -> None:
    tools = Toolbox(takes_s=5.0)
    bridge = Provider(hears=["what"], says=SAYS)

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(ResponseDone)
        bridge.emit(ToolsCancelled((tools.calls[0], "call_unknown")))
        await asyncio.sleep(8)

    call(talk, [bridge], with_support=support(tools=tools))
    assert tools.cancelled == 1
    assert not outputs(bridge)


def test_a_slow_tool_is_bridged_by_a_phrase_that_is_no_part_of_the_conversation() -> None:
    tools, bridge = Toolbox(takes_s=3.0), Provider(hears=["what"], says=SAYS)
    one = call(ask_and_wait, [bridge], with_support=support(tools=tools, filler=FILLER))
    whole(one.caller)
    assert [item for item in one.caller._sound if item.startswith("filler_")]
    assert len(one.record("filler")) == 1
    assert not [added for added in one.caller.told(ItemAdded) if added.item.id.startswith("filler")]


def test_who_speaks_into_a_phrase_ends_it() -> None:
    tools, bridge = Toolbox(takes_s=6.0), Provider(hears=["what"], says=SAYS, delays=Delays(model=60))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        while not one.record("filler"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await one.caller.say(300)
        assert not one.caller._queue

    one = call(talk, [bridge], with_support=support(tools=tools, filler=FILLER))
    assert len(one.caller.played_out) // 32 < 600


def test_a_phrase_that_is_stopped_leaves_no_reply_half_ended() -> None:
    """The model may speak and call in one response: what it says goes on after the phrase was asked for."""
    tools = Toolbox(takes_s=6.0)
    bridge = Provider(hears=["what"], says=SAYS)

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        while not one.record("filler"):
            await asyncio.sleep(0.01)
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStarted)
        await asyncio.sleep(0.2)
        await one.caller.say(600)
        await asyncio.sleep(10)
        assert one.session.state == "idle"

    whole(call(talk, [bridge], with_support=support(tools=tools, filler=FILLER)).caller)


def test_a_cough_does_not_hold_up_the_answer_to_an_output() -> None:
    tools = Toolbox(takes_s=1.2)
    bridge = Provider(hears=["what"], says=SAYS, capabilities=abilities(says="none"))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(ResponseDone)
        await one.caller.say(80)
        await one.caller.until(OutputStopped)

    whole(call(talk, [bridge], with_support=support(tools=tools)).caller)


def test_a_call_outside_the_conversation_is_the_clients_business() -> None:
    tools, bridge = Toolbox(), Provider(says=SAYS)

    async def talk(one: Call) -> None:
        one.caller.ask(CreateResponse(out_of_band=True))
        await one.caller.until(ResponseDone)

    one = call(talk, [bridge], with_support=support(tools=tools))
    assert one.caller.told(ToolCalled)
    assert not tools.calls


@pytest.mark.parametrize("chain", [False, True], ids=["provider", "chain"])
def test_who_speaks_into_a_reply_after_a_phrase_does_not_lose_the_reply(chain: bool) -> None:
    tools, count = Toolbox(takes_s=9.0), Reply("One two three four five six.")
    says = [SAYS[0], count, Reply("Aye.")]
    hears = ["what", ""]
    bridge = (
        ScriptedBridge(hears=hears, says=says)
        if chain
        else Provider(hears=hears, says=says, capabilities=abilities(says="none"), cuts=False)
    )

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        while not one.record("filler"):
            await asyncio.sleep(0.01)
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStarted)
        await asyncio.sleep(0.3)
        await one.caller.say(160)
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge], with_support=support(tools=tools, filler=FILLER))
    whole(one.caller)
    assert len(one.caller.played_out) // 32 >= 600 + 6 * 300
