from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bridges.echo import EchoBridge
from mediaserver.commands import Command, CreateItem
from mediaserver.conversation.audience import Audience
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.dialogue import Dialogue
from mediaserver.conversation.following import Following
from mediaserver.conversation.leg import Leg, Place
from mediaserver.conversation.record import CallRecord
from mediaserver.conversation.succession import SILENCE_KEPT_MS, Succession
from mediaserver.conversation.through import Through
from mediaserver.events import (
    Heard,
    InputCommitted,
    ItemDone,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
    TranscriptFinal,
)
from mediaserver.items import Item, Part
from tests.conversation.calling import SETTINGS, Call, call, whole
from tests.fakes.bridge import Delays, Reply, ScriptedBridge
from tests.fakes.caller import FakeCaller, LoudIsVoice, tone
from tests.fakes.provider import Provider


class Bench:
    """A succession without a session, and a clock that stands."""

    def __init__(self, bridge: Any) -> None:
        self.caller = FakeCaller(lambda: 0.0)
        audience = Audience(self.caller, lambda _: None, lambda event: event)
        audience.rate = audience.hear_rate = 16000
        self.shared = (audience, Conversation(), CallRecord(lambda: 0.0), lambda: 0.0, LoudIsVoice)
        self.succession = Succession(self.leg(0, bridge), SETTINGS, *self.shared, lambda _: None)

    def leg(self, number: int, bridge: Any) -> Leg:
        rates = bridge.capabilities.input_rate, bridge.capabilities.output_rate
        return Leg(number, Place(f"place{number}", lambda: bridge), bridge, *rates)


def test_each_kind_of_provider_has_its_way_of_talking() -> None:
    made: list[tuple[Callable[[], Any], type]] = [
        (Provider, Following),
        (ScriptedBridge, Dialogue),
        (lambda: EchoBridge(), Through),
    ]
    for make, kind in made:
        assert isinstance(Bench(make()).succession.talk, kind)


def test_silence_is_kept_for_a_while_only() -> None:
    succession = Bench(Provider()).succession
    for _ in range(1000):
        succession.hear(bytes(640))
    assert succession.replay.kept_ms <= SILENCE_KEPT_MS + 1000


def test_an_item_that_came_while_the_first_provider_was_being_opened_is_given_once() -> None:
    bridge = Provider()
    bench = Bench(bridge)
    given: list[Command] = []
    bridge.send = given.append  # type: ignore[method-assign]
    leg = bench.leg(0, bridge)
    succession = Succession(leg, SETTINGS, *bench.shared, lambda _: None)
    early, late = (Item(name, "message", "user", (Part("text", name),)) for name in ("early", "late"))
    succession.conversation.add(early)
    leg.outbox.send(CreateItem(item=early))
    assert succession.opening(leg).history == (early,)
    succession.conversation.add(late)
    leg.outbox.send(CreateItem(item=late))
    succession.begun(leg)
    assert given == [CreateItem(item=late)]


def test_a_turn_is_settled_by_its_words_or_by_its_answer() -> None:
    for settled in (TranscriptFinal("a", "words"), ResponseDone("r")):
        succession = Bench(Provider()).succession
        succession.hear(tone(20))
        succession.seen(InputCommitted("a", None))
        assert succession.replay.unsettled == ("a",)
        succession.seen(ResponseDone("r", "cancelled"))
        assert succession.replay.unsettled == ("a",)
        succession.seen(settled)
        assert succession.replay.unsettled == ()


def test_speech_that_goes_on_into_the_next_provider_is_told_as_two_and_lost_by_none() -> None:
    for second in (Provider(hears=["all"], name="b"), ScriptedBridge(hears=["all"])):
        first = Provider(name="a")

        async def talk(one: Call, first: Provider = first) -> None:
            one.caller.say_soon(tone(1000))
            await one.caller.until(SpeechStarted)
            await asyncio.sleep(0.2)
            first.breaks()
            await one.caller.until(TranscriptFinal)

        one = call(talk, [first], [second])
        whole(one.caller)
        assert len(one.caller.told(SpeechStarted)) == len(one.caller.told(SpeechStopped)) == 2
        assert [final.text for final in one.caller.told(TranscriptFinal)] == ["all"]


def test_a_turn_that_was_answered_and_never_written_down_is_done_without_words() -> None:
    first = Provider(hears=["hello"], says=[Reply("Hi.")], delays=Delays(transcript=60_000), name="a")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(ResponseDone)
        first.breaks()
        await one.open_bridges(2)
        await asyncio.sleep(1)

    one = call(talk, [first], [Provider(name="b")])
    whole(one.caller)
    assert [done.item.parts[0].text for done in one.caller.told(ItemDone) if done.item.role == "user"] == [None]
    assert not one.record("sound_replayed") or one.bridges[1].heard_loud_ms == 0


def test_what_plays_when_the_provider_goes_plays_on() -> None:
    first = Provider(hears=["count"], says=[Reply("One two three four five six.")], name="a")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 2)
        first.breaks()
        await asyncio.sleep(5)

    one = call(talk, [first], [Provider(name="b")])
    whole(one.caller)
    assert len(one.caller.played_out) // 32 == 6 * 300
    assert not one.bridges[1].sent  # nothing is owed, and nothing is said twice
