from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mediaserver.breaker import BreakerSettings
from mediaserver.commands import CreateItem, CreateResponse, Respond, UpdateSession
from mediaserver.errors import BridgeError
from mediaserver.events import (
    GoingAway,
    Heard,
    ItemDeleted,
    OutputStopped,
    Problem,
    ResponseDone,
    Resumable,
    SessionEnded,
    SessionUpdated,
    TranscriptFinal,
    UsageReported,
)
from mediaserver.gateway.health import Breakers
from mediaserver.items import Usage
from tests.conversation.calling import APOLOGY_MS, MOMENT, SETTINGS, Call, Scenario, call, support, texts, whole
from tests.conversation.test_dialogue import typed
from tests.fakes.bridge import MS_PER_WORD, Delays, Reply, ScriptedBridge
from tests.fakes.caller import tone
from tests.fakes.provider import Provider, abilities

COUNTING = "One two three, four five six, seven eight nine, ten eleven twelve."


def test_a_call_that_nothing_happens_to() -> None:
    first = Provider(hears=["what time is it", "thanks"], says=[Reply("It is noon."), Reply("You are welcome.")])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(OutputStopped)
        await one.caller.say(600)
        await one.caller.until(OutputStopped, 2)

    one = call(talk, [first])
    whole(one.caller)
    assert one.ended == SessionEnded("client_closed")
    turn = [
        "SpeechStarted", "SpeechStopped", "InputCommitted", "ItemAdded", "TranscriptFinal", "ItemDone",
        "ResponseCreated", "ItemAdded", "TextDelta", "TextDone", "AudioDone", "ItemDone", "ResponseDone",
        "OutputStopped",
    ]  # fmt: skip
    told = [name for name in one.caller.names() if name not in ("Heard", "OutputStarted", "TurnMeasured")]
    assert told == ["SessionCreated", *turn, *turn, "SessionEnded"]


def test_in_mid_utterance_every_frame_since_the_last_settled_turn_reaches_the_next() -> None:
    first, second = Provider(name="a"), Provider(hears=["all of it"], says=[Reply("Good.")], name="b")

    async def talk(one: Call) -> None:
        one.caller.say_soon(tone(1000))
        await asyncio.sleep(0.6)
        first.breaks()
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second])
    whole(one.caller)
    assert second.heard_loud_ms == 1000
    (final,) = one.caller.told(TranscriptFinal)
    assert final.text == "all of it"
    assert one.record("sound_replayed")
    assert [entry["reason"] for entry in one.record("provider_joined")] == ["begun", "failover"]


def test_a_turn_that_was_committed_but_not_written_down_is_said_again() -> None:
    first = Provider(hears=["lost"], delays=Delays(transcript=2000, model=3000), name="a")
    second = Provider(hears=["found"], says=[Reply("Good.")], name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await asyncio.sleep(0.6)
        first.breaks()
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second])
    whole_but_for_deleted(one)
    assert second.heard_loud_ms == 600
    assert [final.text for final in one.caller.told(TranscriptFinal)] == ["found"]


def whole_but_for_deleted(one: Call) -> None:
    """An item that was deleted before it was done has its end in that."""
    gone = {event.item_id for event in one.caller.told(ItemDeleted)}
    assert gone
    one.caller.events = [
        event for event in one.caller.events if getattr(getattr(event, "item", None), "id", "") not in gone
    ]
    whole(one.caller)


def test_in_mid_reply_the_next_goes_on_after_the_words_that_were_said() -> None:
    first = Provider(hears=["count"], says=[Reply(COUNTING, clause_ms=900)], name="a")
    second = Provider(says=[Reply("seven eight nine, ten eleven twelve.")], name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 4)
        await asyncio.sleep(0.7)
        first.breaks()
        await one.caller.until(OutputStopped, 2)

    one = call(talk, [first], [second])
    whole(one.caller)
    told = [item.item.text for item in second.asked(CreateItem) if item.item.role == "system"]  # type: ignore[attr-defined]
    assert len(told) == 1
    assert '"One two three, four five six,"' in told[0]
    assert texts(second) == ["count", "One two three, four five six,"]
    assert [done.status for done in one.caller.told(ResponseDone)] == ["incomplete", "completed"]
    spoken = [heard.text for heard in one.caller.told(Heard) if not heard.unheard]
    assert " ".join(dict.fromkeys(spoken)).endswith("seven eight nine, ten eleven twelve.")
    assert len(one.caller.played_out) // 32 == 12 * MS_PER_WORD
    assert second.heard_loud_ms == 0


def test_a_reply_that_had_not_begun_is_made_by_the_next() -> None:
    first = Provider(hears=["hello"], delays=Delays(model=3000), name="a")
    second = Provider(says=[Reply("Hello.")], name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(TranscriptFinal)
        first.breaks()
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second])
    whole(one.caller)
    assert texts(second) == ["hello"]
    assert len(second.asked(Respond)) == 1
    assert second.heard_loud_ms == 0


def test_a_reply_that_the_client_asked_for_keeps_its_name() -> None:
    first = Provider(delays=Delays(model=3000), name="a")
    second = Provider(says=[Reply("Hello.")], name="b")

    async def talk(one: Call) -> None:
        one.caller.ask(typed("hello"))
        one.caller.ask(CreateResponse(metadata=(("a", "b"),)))
        await asyncio.sleep(0.5)
        first.breaks()
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second])
    whole(one.caller)
    (asked,), (again,) = first.asked(Respond), second.asked(Respond)
    assert asked.response_id == again.response_id  # type: ignore[attr-defined]
    assert again.metadata == (("a", "b"),)  # type: ignore[attr-defined]


def test_before_it_is_ready_another_one_takes_the_call() -> None:
    first = Provider(refuses_to_open=BridgeError("no", code="unavailable"), delays=Delays(ready=300), name="a")
    second = Provider(hears=["hello"], says=[Reply("Hi.")], name="b")

    async def talk(one: Call) -> None:
        one.caller.say_soon(tone(600))
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second])
    whole(one.caller)
    assert second.heard_loud_ms == 600


def test_a_provider_whose_breaker_is_open_is_left_alone_from_the_start() -> None:
    health = Breakers(BreakerSettings(refused_open_s=1e9))
    health.failed(("provider0", ""), "unauthorized", 0.0)
    first, second = Provider(name="a"), Provider(hears=["hello"], says=[Reply("Hi.")], name="b")

    async def talk(one: Call) -> None:
        one.caller.say_soon(tone(600))
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second], with_support=support(health=health))
    whole(one.caller)
    assert first.opening is None
    assert second.heard_loud_ms == 600
    assert [entry["place"] for entry in one.record("provider_opened")] == ["place1"]


def test_two_failures_in_a_row_lose_nothing() -> None:
    first, third = Provider(name="a"), Provider(hears=["hello"], says=[Reply("Hi.")], name="c")
    second = Provider(refuses_to_open=BridgeError("no", code="unavailable"), delays=Delays(ready=200), name="b")

    async def talk(one: Call) -> None:
        one.caller.ask(typed("before"))
        one.caller.say_soon(tone(1400))
        await asyncio.sleep(0.6)
        first.breaks()
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second], [third])
    whole(one.caller)
    assert third.heard_loud_ms == 1400
    assert [final.text for final in one.caller.told(TranscriptFinal)] == ["hello"]
    assert texts(third) == ["before"]


def test_a_second_leg_that_breaks_at_once_is_part_of_the_same_failure() -> None:
    first = Provider(hears=["hello"], delays=Delays(model=900), name="a")
    second = Provider(fails=BridgeError("again"), fails_after_ms=100, delays=Delays(model=900), name="b")
    third = Provider(says=[Reply("Hi.")], name="c")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(TranscriptFinal)
        first.breaks()
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second], [third])
    whole(one.caller)
    assert len(third.asked(Respond)) == 1
    assert one.ended == SessionEnded("client_closed")


def test_when_all_are_down_the_caller_hears_so_and_the_call_ends() -> None:
    down = BridgeError("closed for today", code="unavailable")
    first = Provider(name="a")

    async def talk(one: Call) -> None:
        await asyncio.sleep(0.5)
        first.breaks()
        one.facts["at"] = one.caller.clock()
        await one.caller.until(SessionEnded)

    one = call(talk, [first, *down_for_good(down)], lambda: Provider(refuses_to_open=down))
    whole(one.caller)
    (problem,) = one.caller.told(Problem)
    assert (problem.code, problem.type) == ("unavailable", "server_error")
    assert one.ended == SessionEnded("provider_error", "closed for today")
    assert len(one.caller.played_out) // 32 >= APOLOGY_MS - 20
    ended_at = next(at for at, event in one.caller.log if isinstance(event, SessionEnded))
    assert ended_at - one.facts["at"] <= 3.0 + APOLOGY_MS / 1000
    assert one.record("apologised")[0]["spoken"]


def down_for_good(down: BridgeError) -> list[Provider]:
    return [Provider(refuses_to_open=down) for _ in range(10)]


def test_without_a_phrase_the_call_ends_at_once() -> None:
    down = BridgeError("no such key", code="unauthorized", retryable=False)

    async def talk(one: Call) -> None:
        await one.caller.until(SessionEnded)

    one = call(talk, [Provider(refuses_to_open=down)], with_support=support(phrases=None))
    assert one.ended is not None
    assert one.ended.reason == "provider_error"
    assert one.record("alarm") == [
        {"at_ms": one.record("alarm")[0]["at_ms"], "kind": "alarm", "place": "place0", "code": "unauthorized"}
    ]
    assert not one.record("apologised")[0]["spoken"]


def test_a_provider_that_ends_in_good_order_ends_the_call() -> None:
    first = Provider()

    async def talk(_: Call) -> None:
        await asyncio.sleep(1)
        first.ends()
        await asyncio.sleep(1)

    assert call(talk, [first], [Provider()]).ended == SessionEnded("provider_closed")


def test_rotation_waits_for_the_turn_boundary_and_says_nothing_again() -> None:
    first = Provider(hears=["count"], says=[Reply(COUNTING)], name="a")
    second = Provider(hears=["more"], says=[Reply("Thirteen.")], name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard)
        first.emit(Resumable("handle"))
        first.emit(GoingAway(20))
        await asyncio.sleep(1)
        assert [entry["leg"] for entry in one.record("provider_joined")] == [0]
        await one.caller.until(OutputStopped)
        await one.open_bridges(2)
        assert not first.running
        await one.caller.say(600)
        await one.caller.until(OutputStopped, 2)

    one = call(talk, [first, second])
    whole(one.caller)
    assert one.record("provider_joined")[-1]["reason"] == "rotation"
    assert second.opening is not None
    assert second.opening.resume == "handle"
    assert second.heard_loud_ms == 600
    assert not second.asked(Respond)


def test_a_setting_that_cannot_change_opens_the_provider_anew() -> None:
    can = abilities(changes=frozenset())
    first, second = Provider(capabilities=can, name="a"), Provider(capabilities=can, name="b", says=[Reply("Aye.")])

    async def talk(one: Call) -> None:
        await asyncio.sleep(1)
        one.caller.ask(typed("hello"))
        one.caller.ask(UpdateSession(settings=replace(SETTINGS, instructions="Be a pirate.")))
        await one.open_bridges(2)
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped)

    one = call(talk, [first, second])
    whole(one.caller)
    assert one.caller.told(SessionUpdated)[0].settings.instructions == "Be a pirate."
    assert second.opening is not None
    assert second.opening.settings.instructions == "Be a pirate."
    assert texts(second) == ["hello"]


@pytest.mark.parametrize(("live", "again"), [(False, ["before", "after"]), (True, [])], ids=["as it was", "live"])
def test_a_session_that_is_taken_up_again_is_told_what_its_handle_does_not_cover(live: bool, again: list[str]) -> None:
    can = abilities(changes=frozenset())
    first, second = Provider(capabilities=can, name="a"), Provider(capabilities=can, name="b", says=[Reply("Aye.")])

    async def talk(one: Call) -> None:
        await asyncio.sleep(1)
        one.caller.ask(typed("long ago", "item_long"))
        first.emit(Resumable("handle", live=live))
        one.caller.ask(typed("before", "item_before"))
        one.caller.ask(typed("after", "item_after"))
        await asyncio.sleep(0.1)
        one.caller.ask(UpdateSession(settings=replace(SETTINGS, instructions="Be a pirate.")))
        one.caller.ask(typed("hello", "item_hello"))
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped)

    one = call(talk, [first, second])
    whole(one.caller)
    assert second.opening is not None
    assert second.opening.resume == "handle"
    assert [command.item.text for command in second.asked(CreateItem)] == [*again, "hello"]
    assert len(second.asked(Respond)) == 1


def pirate_asked(after_s: float) -> Scenario:
    """Change what cannot change, and ask something in the same breath."""

    async def talk(one: Call) -> None:
        await asyncio.sleep(after_s)
        one.caller.ask(UpdateSession(settings=replace(SETTINGS, instructions="Be a pirate.")))
        one.caller.ask(typed("hello"))
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped)

    return talk


def test_what_is_asked_with_the_setting_is_asked_of_the_one_that_has_it() -> None:
    can = abilities(changes=frozenset())
    first, second = Provider(capabilities=can, name="a"), Provider(capabilities=can, name="b", says=[Reply("Aye.")])

    one = call(pirate_asked(1), [first, second])
    whole(one.caller)
    assert not first.asked(Respond)
    assert not texts(first)
    assert texts(second) == ["hello"]


def test_a_setting_that_comes_while_the_provider_is_opened_holds_for_what_is_asked_with_it() -> None:
    can, slow = abilities(changes=frozenset()), Delays(ready=300)
    first = Provider(capabilities=can, name="a", delays=slow)
    second = Provider(capabilities=can, name="b", says=[Reply("Aye.")])

    one = call(pirate_asked(0.5), [first, second])
    whole(one.caller)
    assert first.opening is not None
    assert first.opening.settings == SETTINGS
    assert not first.asked(Respond)
    assert second.opening is not None
    assert second.opening.settings.instructions == "Be a pirate."
    assert texts(second) == ["hello"]


def test_what_was_asked_is_answered_with_the_old_settings_when_no_other_session_can_be_had() -> None:
    can = abilities(changes=frozenset())
    first = Provider(capabilities=can, name="a", says=[Reply("Yes.")])
    down = [Provider(capabilities=can, refuses_to_open=BridgeError("no", code="unavailable")) for _ in range(8)]

    call(pirate_asked(1), [first, *down])
    assert len(first.asked(CreateItem)) == len(first.asked(Respond)) == 1


def test_one_that_is_configured_once_is_opened_when_the_client_has_said_how() -> None:
    first = Provider(capabilities=abilities(changes=frozenset()))

    async def talk(one: Call) -> None:
        assert first.opening is None
        one.caller.ask(UpdateSession(settings=replace(SETTINGS, instructions="Be brief.")))
        await asyncio.sleep(0.1)
        assert first.running

    one = call(talk, [first])
    assert first.opening is not None
    assert first.opening.settings.instructions == "Be brief."
    assert not one.record("reopening")


def test_one_that_is_configured_once_does_not_wait_for_ever() -> None:
    first = Provider(capabilities=abilities(changes=frozenset()))

    async def talk(_: Call) -> None:
        await asyncio.sleep(0.45)
        assert first.running

    call(talk, [first])


def test_from_a_provider_to_the_chain_and_back() -> None:
    first = Provider(hears=["one"], says=[Reply("First.")], name="a")
    chain = ScriptedBridge(hears=["two"], says=[Reply("Second.")], fails=BridgeError("gone"), fails_after_ms=6000)
    third = Provider(hears=["three"], says=[Reply("Third.")], name="c")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(OutputStopped)
        first.breaks("unavailable")
        await one.open_bridges(2)
        await one.caller.say(600)
        await one.caller.until(OutputStopped, 2)
        await one.open_bridges(3)
        await one.caller.say(600)
        await one.caller.until(OutputStopped, 3)

    one = call(talk, [first, third], [chain])
    whole(one.caller)
    assert [final.text for final in one.caller.told(TranscriptFinal)] == ["one", "two", "three"]
    assert texts(third) == ["one", "First.", "two", "Second."]
    (asked,) = chain.asked(Respond)
    assert [item.text for item in asked.items] == ["one", "First.", "two"]  # type: ignore[attr-defined]


def test_a_half_open_provider_is_left_when_its_answer_is_due() -> None:
    first = Provider(hears=["hello"], delays=Delays(model=400), name="a")
    second = Provider(says=[Reply("Hi.")], name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(TranscriptFinal)
        first.deaf = True
        one.facts["at"] = one.caller.clock()
        await one.open_bridges(2)
        assert one.caller.clock() - one.facts["at"] < 2.5
        await one.caller.until(OutputStopped)

    whole(call(talk, [first], [second]).caller)


def test_who_waits_for_long_hears_a_phrase() -> None:
    first = Provider(hears=["hello"], delays=Delays(model=4000))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        for _ in range(40):
            await asyncio.sleep(0.1)
            first.emit(UsageReported(Usage(seconds=0.1), key=str(one.caller.clock())))

    one = call(talk, [first])
    assert any(item.startswith("phrase_") for item in one.caller._sound), MOMENT


def test_usage_of_a_leg_that_was_left_still_counts() -> None:
    first, second = Provider(name="a", hears=["x"]), Provider(name="b", says=[Reply("Hi.")])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(OutputStopped)
        told = first._emit
        first.breaks()
        await one.open_bridges(2)
        assert told is not None
        told(UsageReported(Usage(seconds=9.0), key="late"))
        told(TranscriptFinal("item_late", "late words"))

    one = call(talk, [first], [second])
    assert [spent.leg for spent in one.session.record.spent() if spent.key == "late"] == [0]
    assert "late words" not in [final.text for final in one.caller.told(TranscriptFinal)]


@pytest.mark.parametrize("defect", [ZeroDivisionError(), ValueError("what was said")])
def test_a_defect_in_a_bridge_ends_this_call(defect: Exception) -> None:
    bridge = ScriptedBridge(fails=defect, fails_after_ms=100)

    async def talk(_: Call) -> None:
        await asyncio.sleep(1)

    one = call(talk, [bridge], [Provider()])
    assert one.ended == SessionEnded("internal_error")


class AllWell:
    """Satisfies ``Health``: nothing was ever wrong with anybody."""

    def allow(self, _key: tuple[str, str], _now: float, *, again: bool = False) -> bool:
        return True

    def succeeded(self, _key: tuple[str, str], _now: float) -> None:
        pass

    def failed(self, _key: tuple[str, str], _code: str, _now: float) -> None:
        pass


def test_a_connection_that_is_lost_is_sought_at_the_same_provider_first() -> None:
    first, second = Provider(name="a"), Provider(hears=["hello"], says=[Reply("Hi.")], name="b")

    async def talk(one: Call) -> None:
        await asyncio.sleep(6)
        first.breaks("connection_lost")
        await one.caller.say(600)
        await one.caller.until(OutputStopped)

    one = call(talk, [first, second], [Provider()], with_support=support(health=AllWell()))
    assert [entry["place"] for entry in one.record("provider_joined")] == ["place0", "place0"]


def test_settings_that_change_while_the_provider_is_being_opened_are_in_force_all_the_same() -> None:
    can = abilities(changes=frozenset())
    first = Provider(capabilities=can, delays=Delays(ready=1000), name="a")
    second = Provider(capabilities=can, delays=Delays(ready=1000), name="b")
    third = Provider(capabilities=can, name="c")

    async def talk(one: Call) -> None:
        await asyncio.sleep(1)
        assert first.running
        for instructions in ("Be a pirate.", "Be a nurse."):
            one.caller.ask(UpdateSession(settings=replace(SETTINGS, instructions=instructions)))
            await asyncio.sleep(1.2)
        await one.open_bridges(3)

    one = call(talk, [first, second, third])
    assert [bridge.opening.settings.instructions for bridge in one.bridges] == ["", "Be a pirate.", "Be a nurse."]
    assert one.ended == SessionEnded("client_closed")


def test_settings_that_can_change_follow_a_leg_that_was_being_opened() -> None:
    first, second = Provider(name="a"), Provider(delays=Delays(ready=1000), name="b")

    async def talk(one: Call) -> None:
        first.breaks()
        await asyncio.sleep(0.3)
        one.caller.ask(UpdateSession(settings=replace(SETTINGS, instructions="Be brief.")))
        await one.open_bridges(2)

    call(talk, [first, *down_for_good(BridgeError("no", code="unavailable"))], [second])
    assert [one.settings.instructions for one in second.asked(UpdateSession)] == ["Be brief."]  # type: ignore[attr-defined]
