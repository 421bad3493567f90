from __future__ import annotations

from dataclasses import replace

import pytest

from mediaserver.commands import (
    BeginSpeech,
    CancelResponse,
    Command,
    CreateItem,
    CreateResponse,
    DeleteItem,
    RetrieveItem,
    TruncateItem,
)
from mediaserver.conversation.session import Session
from mediaserver.events import (
    Heard,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    ItemRetrieved,
    ItemTruncated,
    OutputStopped,
    Problem,
    ResponseDone,
    TextDone,
)
from mediaserver.items import Item, Part
from tests.conversation.test_session import COUNTING, SETTINGS, play
from tests.fakes.bridge import MS_PER_WORD, Delays, Reply, ScriptedBridge
from tests.fakes.caller import FakeCaller

TRUNCATE = TruncateItem(item_id="x", content_index=0, audio_end_ms=0, event_id="e")
HELLO = Item("item_a", role="user", parts=(Part("input_text", "hello"),))


@pytest.mark.parametrize(
    ("command", "code", "param"),
    [
        (RetrieveItem(item_id="x", event_id="e"), "item_retrieve_invalid_item_id", "item_id"),
        (DeleteItem(item_id="x", event_id="e"), "item_delete_invalid_item_id", "item_id"),
        (TRUNCATE, "item_truncate_invalid_item_id", "item_id"),
        (replace(TRUNCATE, item_id="item_a"), "invalid_value", "item_id"),
        (CreateItem(item=HELLO, event_id="e"), "invalid_value", "item.id"),
        (CreateItem(item=replace(HELLO, id="b"), previous_item_id="x", event_id="e"), "invalid_value", "previous_item_id"),
        (CancelResponse(event_id="e"), "response_cancel_not_active", "response_id"),
        (BeginSpeech(item_id="x", event_id="e"), "unknown_parameter", "type"),
    ],
)  # fmt: skip
def test_refusals_name_the_event_and_the_call_goes_on(command: Command, code: str, param: str) -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(CreateItem(item=HELLO))
        caller.ask(command)

    caller, ended = play(talk, ScriptedBridge())
    (problem,) = caller.told(Problem)
    assert (problem.code, problem.param, problem.client_event_id) == (code, param, "e")
    assert ended.reason == "client_closed"


def test_items_come_are_shown_and_go() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(CreateItem(item=HELLO))
        caller.ask(CreateItem(item=replace(HELLO, id="item_b"), previous_item_id="root"))
        caller.ask(RetrieveItem(item_id="item_a"))
        caller.ask(DeleteItem(item_id="item_a"))
        caller.ask(RetrieveItem(item_id="item_a"))

    caller, _ = play(talk, ScriptedBridge())
    assert [(event.item.id, event.previous_item_id) for event in caller.told(ItemAdded)] == [
        ("item_a", None),
        ("item_b", None),
    ]
    assert len(caller.told(ItemDone)) == 2
    assert caller.told(ItemRetrieved) == [ItemRetrieved(HELLO)]
    assert caller.told(ItemDeleted) == [ItemDeleted("item_a")]
    assert caller.told(Problem)[0].code == "item_retrieve_invalid_item_id"


def test_a_client_truncates_what_it_did_not_hear() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(CreateResponse())
        item_id = (await caller.until(Heard)).item_id
        await caller.until(OutputStopped)
        length = MS_PER_WORD * len(COUNTING.split())
        for audio_end_ms, part in ((length + 1, 0), (900, 1), (-1, 0), (900, 0)):
            caller.ask(TruncateItem(item_id=item_id, content_index=part, audio_end_ms=audio_end_ms))
        caller.ask(RetrieveItem(item_id=item_id))

    caller, _ = play(talk, ScriptedBridge(says=[Reply(COUNTING)]))
    assert [(problem.code, problem.param) for problem in caller.told(Problem)] == [
        ("invalid_value", "audio_end_ms"),
        ("invalid_value", "content_index"),
        ("invalid_value", "audio_end_ms"),
    ]
    (truncated,) = caller.told(ItemTruncated)
    assert truncated.audio_end_ms == 900
    assert len(truncated.item.text.split()) in (2, 3, 4)
    assert caller.told(ItemRetrieved)[0].item == truncated.item


def test_a_response_is_cancelled_and_what_was_made_of_it_is_played() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(CreateResponse())
        await caller.until(Heard)
        caller.ask(CancelResponse(response_id="another"))
        caller.ask(CancelResponse())
        await caller.until(ResponseDone)
        await caller.until(OutputStopped)

    caller, _ = play(talk, ScriptedBridge(says=[Reply(COUNTING, clause_ms=9000)]))
    assert [problem.code for problem in caller.told(Problem)] == ["response_cancel_not_active"]
    done = caller.told(ResponseDone)[0]
    assert (done.status, done.reason) == ("cancelled", "client_cancelled")
    assert caller.played("item_" + done.response_id) == 6 * MS_PER_WORD


def test_a_response_that_waits_for_a_transcript_can_be_cancelled() -> None:
    bridge = ScriptedBridge(delays=Delays(transcript=3000))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        await caller.say(400)
        while session.state != "deciding":
            await caller.until(ItemAdded)
        caller.ask(CreateResponse())
        caller.ask(CancelResponse())
        await caller.until(ResponseDone)

    settings = replace(SETTINGS, turn_detection=replace(SETTINGS.turn_detection, create_response=False))  # type: ignore[type-var]
    caller, _ = play(talk, bridge, settings)
    assert caller.told(ResponseDone)[0].status == "cancelled"
    assert not caller.told(TextDone)
