from __future__ import annotations

import asyncio

import pytest

from mediaserver.commands import CancelResponse, CreateItem, CreateResponse, Respond, RetrieveItem
from mediaserver.conversation.audience import MAX_CONTROLLERS
from mediaserver.errors import BadRequest, Overloaded
from mediaserver.events import (
    Heard,
    OutputCleared,
    OutputStopped,
    Problem,
    ResponseDone,
    SessionCreated,
    SessionEnded,
    TextDelta,
    TranscriptFinal,
)
from tests.conversation.calling import Call, call, whole
from tests.conversation.test_audience import Listener
from tests.fakes.bridge import MS_PER_WORD, Reply, ScriptedBridge
from tests.fakes.caller import tone
from tests.fakes.provider import Provider

COUNTING = "One two three, four five six, seven eight nine, ten eleven twelve."


def provider(**changes: object) -> Provider:
    return Provider(**{"hears": ["count", "more"], "says": [Reply(COUNTING), Reply("More.")], **changes})  # type: ignore[arg-type]


def test_who_listens_in_hears_both_sides_and_is_told_everything() -> None:
    one, other = Listener("ear", listens=True), Listener("eye")

    async def talk(live: Call) -> None:
        live.session.attach(one)
        live.session.attach(other)
        assert [type(event) for event in live.session.catch_up()] == [SessionCreated]
        await live.caller.say(600)
        await live.caller.until(OutputStopped)
        live.session.detach(other)

    live = call(talk, [provider()])
    assert sum(20 for at in range(0, len(one.caller_pcm), 640) if any(one.caller_pcm[at : at + 640])) == 600
    assert sum(len(pcm) for _, pcm, _ in one.model) // 32 == 12 * MS_PER_WORD
    assert not other.caller_pcm
    assert [type(event) for event in one.events] == [type(event) for event in live.caller.events[1:]]
    assert (one.over, other.over) == (1, 0)
    assert [entry["controller"] for entry in live.record("controller_joined")] == ["ear", "eye"]
    assert [entry["controller"] for entry in live.record("controller_left")] == ["eye"]


def test_a_whisper_reaches_the_model_and_not_the_ear() -> None:
    one, bridge = Listener(), provider(says=[Reply("As you wish.")])

    async def talk(live: Call) -> None:
        live.session.attach(one)
        live.session.whisper(one, "Offer a discount.", False)
        assert not bridge.asked(Respond)
        live.session.whisper(one, "Now.", True)
        await live.caller.until(OutputStopped)

    live = call(talk, [bridge])
    whole(live.caller)
    told = [command.item for command in bridge.asked(CreateItem)]  # type: ignore[attr-defined]
    assert [(item.role, item.text) for item in told] == [("system", "Offer a discount."), ("system", "Now.")]
    assert len(bridge.asked(Respond)) == 1
    assert [entry["characters"] for entry in live.record("whispered")] == [17, 4]


@pytest.mark.parametrize("chain", [False, True], ids=["provider", "chain"])
def test_taking_over_silences_the_model_and_handing_back_lets_it_go_on(chain: bool) -> None:
    one, other = Listener("boss"), Listener("intern")
    says = [Reply(COUNTING, clause_ms=800), Reply("More.")]
    bridge = ScriptedBridge(hears=["count", "more"], says=says) if chain else provider(says=says)

    async def talk(live: Call) -> None:
        session, caller = live.session, live.caller
        session.attach(one)
        session.attach(other)
        await caller.say(600)
        await caller.until(Heard, 3)
        session.take_over(one)
        assert session.state == "taken_over"
        assert caller.told(OutputCleared)
        with pytest.raises(BadRequest) as taken:
            session.take_over(other)
        assert taken.value.code == "already_taken_over"
        with pytest.raises(BadRequest):
            session.speak(other, b"12")
        played = len(caller.played_out)
        texts = len(caller.told(TextDelta))
        session.speak(one, tone(1000))
        await caller.say(800)
        await asyncio.sleep(2)
        assert len(caller.played_out) - played == 2 * 16000
        assert len(caller.told(TextDelta)) == texts
        assert len(caller.told(TranscriptFinal)) == 1
        session.hand_back(one)
        with pytest.raises(BadRequest):
            session.hand_back(one)
        await caller.say(600)
        await caller.until(OutputStopped)

    live = call(talk, [bridge])
    whole(live.caller)
    assert live.record("handed_back")[0]["spoken_ms"] == 1000
    assert [final.text for final in live.caller.told(TranscriptFinal)] == ["count", "more"]


def test_a_holder_that_leaves_hands_back() -> None:
    one = Listener()

    async def talk(live: Call) -> None:
        live.session.attach(one)
        live.session.take_over(one)
        live.session.detach(one)
        assert live.session.state == "idle"

    live = call(talk, [provider()])
    assert [entry["kind"] for entry in live.session.record.entries()][-4:-1] == [
        "taken_over",
        "handed_back",
        "controller_left",
    ]


def test_one_that_does_not_keep_up_is_dropped_and_nobody_else_notices() -> None:
    slow, other = Listener("slow"), Listener("other")

    async def talk(live: Call) -> None:
        live.session.attach(slow)
        live.session.attach(other)
        live.session.take_over(slow)
        live.session.hand_back(slow)
        await live.caller.say(600)
        slow.slow = True
        await live.caller.until(OutputStopped)

    live = call(talk, [provider()])
    whole(live.caller)
    assert live.ended == SessionEnded("client_closed")
    assert len(live.record("controller_too_slow")) == 1
    assert [entry["controller"] for entry in live.record("controller_left")] == ["slow"]
    assert other.events[-1] == SessionEnded("client_closed")


def test_errors_are_for_who_asked() -> None:
    one, other = Listener(), Listener()

    async def talk(live: Call) -> None:
        live.session.attach(one)
        live.session.attach(other)
        live.session.controlled(one, RetrieveItem(item_id="none", event_id="e1"))
        live.session.controlled(one, CancelResponse())
        live.caller.ask(RetrieveItem(item_id="none", event_id="e2"))

    live = call(talk, [provider()])
    told = [event for event in one.events if isinstance(event, Problem)]
    assert [problem.client_event_id for problem in told] == ["e1", None]
    assert not [event for event in other.events if isinstance(event, Problem)]
    assert [problem.client_event_id for problem in live.caller.told(Problem)] == ["e2"]


def test_what_a_controller_asks_is_done_for_everyone() -> None:
    one, bridge = Listener(), provider(says=[Reply("Hello.")])

    async def talk(live: Call) -> None:
        live.session.attach(one)
        live.session.controlled(one, CreateResponse(event_id="e1"))
        await live.caller.until(OutputStopped)

    live = call(talk, [bridge])
    assert [done.status for done in live.caller.told(ResponseDone)] == ["completed"]
    assert live.record("controlled")[0]["command"] == "CreateResponse"


def test_sixteen_and_no_more() -> None:
    async def talk(live: Call) -> None:
        for _ in range(MAX_CONTROLLERS):
            live.session.attach(Listener())
        with pytest.raises(Overloaded):
            live.session.attach(Listener())

    call(talk, [provider()])


def test_after_the_end_nobody_takes_over() -> None:
    one = Listener()

    async def talk(live: Call) -> None:
        live.session.attach(one)
        live.session.end("client_closed")
        await asyncio.sleep(1)
        live.session.controlled(one, CreateResponse())
        live.session.detach(one)

    live = call(talk, [provider()])
    assert one.over == 1
    assert not live.bridges[0].asked(Respond)
