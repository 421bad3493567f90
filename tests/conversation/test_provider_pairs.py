"""Whatever a client, a provider and its failures do, what is begun is ended, once: a scripted monkey in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from mediaserver.commands import (
    CancelResponse,
    ClearInput,
    ClearOutput,
    CommitInput,
    CreateResponse,
    RetrieveItem,
    TruncateItem,
    UpdateSession,
)
from mediaserver.errors import BridgeError
from mediaserver.events import GoingAway, ItemAdded, ItemDeleted, ReplyCut, ToolCalled
from tests.conversation.calling import SETTINGS, Call, call, support, whole
from tests.conversation.test_audience import Listener
from tests.conversation.test_crossing import AllWell
from tests.conversation.test_dialogue import typed
from tests.conversation.test_following import output
from tests.conversation.test_pairs import SPEECH_MS, detection
from tests.fakes.bridge import Delays, Reply, ScriptedBridge
from tests.fakes.provider import SETTINGS as CHANGES
from tests.fakes.provider import Provider, abilities

STEPS = 30
COUNTING = "One two three, four five six, seven eight nine, ten eleven twelve."


def makers(rng: random.Random) -> tuple[Callable[[], Provider], Callable[[], Provider | ScriptedBridge]]:
    numbers = count()
    can = abilities(
        *rng.sample(("truncate", "cancel", "respond", "text_output"), rng.randrange(3)),  # type: ignore[arg-type]
        says=rng.choice(("both", "start", "none")),  # type: ignore[arg-type]
        goes_on=rng.random() < 0.5,
        changes=CHANGES if rng.random() < 0.7 else frozenset(),
    )

    def provider() -> Provider:
        number = next(numbers)
        says = [Reply(COUNTING, clause_ms=rng.choice((0, 400, 900))), Reply("Yes."), Reply(tool=("look_up", "{}"))]
        return Provider(
            hears=[rng.choice(["", "hello there", "stop"]) for _ in range(2 * STEPS)],
            says=[rng.choice(says) for _ in range(2 * STEPS)],
            delays=Delays(ready=rng.choice((0, 200)), transcript=rng.choice((10, 900)), model=rng.choice((10, 700))),
            capabilities=can,
            refuses_to_open=BridgeError("no", code="unavailable") if number and rng.random() < 0.2 else None,
            cuts=rng.random() < 0.8,
            name=f"p{number}",
        )

    def other() -> Provider | ScriptedBridge:
        if rng.random() < 0.5:
            return provider()
        words = [rng.choice(["", "hello there"]) for _ in range(2 * STEPS)]
        return ScriptedBridge(hears=words, fails=BridgeError("gone"), fails_after_ms=rng.choice((900, 9000)))

    return provider, other


def misfortune(one: Call, rng: random.Random) -> None:
    bridge = one.session._crossing.serving
    if bridge is None or not isinstance(bridge.bridge, Provider):
        return
    provider = bridge.bridge
    happens: list[Callable[[], object]] = [
        lambda: provider.breaks(rng.choice(("connection_lost", "unavailable", "timeout", "rate_limited"))),
        lambda: provider.emit(GoingAway(rng.choice((0.5, 5.0)))),
        lambda: provider.emit(ReplyCut()),
        lambda: setattr(provider, "deaf", True),
    ]
    rng.choice(happens)()


def asks(one: Call, rng: random.Random, number: int) -> None:
    caller = one.caller
    items = [event.item.id for event in caller.told(ItemAdded)] or ["item_none"]
    calls = [event.call_id for event in caller.told(ToolCalled)] or ["call_none"]
    settings = replace(SETTINGS, turn_detection=detection(rng), instructions=rng.choice(("", "Be brief.")))
    possible: list[Callable[[], object]] = [
        lambda: CreateResponse(out_of_band=rng.random() < 0.2),
        CancelResponse,
        ClearOutput,
        CommitInput,
        ClearInput,
        lambda: typed("typed", f"item_typed_{number}"),
        lambda: UpdateSession(settings=settings),
        lambda: RetrieveItem(item_id=rng.choice(items)),
        lambda: TruncateItem(item_id=rng.choice(items), content_index=0, audio_end_ms=300),
        lambda: replace(output(rng.choice(calls)), event_id="o"),
    ]
    caller.ask(rng.choice(possible)())  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(30))
def test_what_is_begun_is_ended_once(seed: int) -> None:
    rng = random.Random(seed)
    boss = Listener("boss", listens=True)

    async def supervise(one: Call) -> None:
        one.session.take_over(boss)
        one.session.speak(boss, bytes(3200))
        await asyncio.sleep(rng.choice((0, 0.5)))
        one.session.hand_back(boss)

    async def talk(one: Call) -> None:
        one.session.attach(boss)
        for number in range(STEPS):
            what = rng.random()
            if what < 0.4:
                await one.caller.say(rng.choice(SPEECH_MS))
            elif what < 0.8:
                asks(one, rng, number)
            elif what < 0.95:
                misfortune(one, rng)
            else:
                await supervise(one)
            await asyncio.sleep(rng.choice((0, 0.02, 0.1, 0.5, 1.5)))
        await asyncio.sleep(60)

    first, other = makers(rng)
    one = call(
        talk,
        first,
        other,
        settings=replace(SETTINGS, turn_detection=detection(rng)),
        with_support=support(health=AllWell()),
    )
    assert one.ended is not None
    assert one.ended.reason in ("client_closed", "provider_error"), one.ended
    gone = {event.item_id for event in one.caller.told(ItemDeleted)}
    one.caller.events = [
        each for each in one.caller.events if getattr(getattr(each, "item", None), "id", "") not in gone
    ]
    if one.ended.reason == "client_closed":
        whole(one.caller)
