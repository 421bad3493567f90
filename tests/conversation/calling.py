"""Whole calls over a route of scripted providers, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from mediaserver.bridge import Bridge
from mediaserver.conversation.leg import Place
from mediaserver.conversation.limits import Limits
from mediaserver.conversation.phrases import Phrases
from mediaserver.conversation.session import Session
from mediaserver.conversation.support import Support
from mediaserver.events import (
    ItemAdded,
    ItemDone,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    ResponseCreated,
    ResponseDone,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
)
from mediaserver.gateway.health import Breakers
from mediaserver.settings import Settings, TurnDetection
from tests.fakes import virtual_time
from tests.fakes.bridge import ScriptedBridge
from tests.fakes.caller import FakeCaller, LoudIsVoice, tone
from tests.fakes.provider import Provider

SETTINGS = Settings("model", turn_detection=TurnDetection(silence_duration_ms=300))
APOLOGY = "I am sorry."
APOLOGY_MS = 1200
MOMENT = "One moment."


def phrases() -> Phrases:
    return Phrases(24000, {APOLOGY: tone(APOLOGY_MS, 24000, -30), MOMENT: tone(600, 24000, -30)})


def support(**changes: Any) -> Support:
    given = {"health": Breakers(), "phrases": phrases(), "apology": APOLOGY, "moment": MOMENT}
    return Support(**{**given, **changes})


@dataclass
class Call:
    """What a scenario plays with: ``bridges`` are those made so far, in the order in which they were opened."""

    caller: FakeCaller
    session: Session
    bridges: list[Any]
    ended: SessionEnded | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> Any:
        """The bridge made last."""
        return self.bridges[-1]

    def record(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.session.record.entries() if entry["kind"] == kind]

    async def open_bridges(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.record("provider_joined")) < count:
                await asyncio.sleep(0.005)


Scenario = Callable[[Call], Awaitable[None]]
Makers = Sequence[Sequence[Bridge] | Callable[[], Bridge]]


def places(route: Makers, made: list[Any]) -> tuple[Place, ...]:
    """Return a place for each: the bridges that it makes one after the other, or what makes them."""

    def place(number: int, source: Sequence[Bridge] | Callable[[], Bridge]) -> Place:
        supply = iter(source) if isinstance(source, Sequence) else (make() for make in repeat(source))

        def make() -> Bridge:
            bridge = next(supply)
            made.append(bridge)
            return bridge

        return Place(f"place{number}", make, f"provider{number}")

    return tuple(place(number, source) for number, source in enumerate(route))


def call(
    scenario: Scenario,
    *route: Sequence[Bridge] | Callable[[], Bridge],
    settings: Settings = SETTINGS,
    limits: Limits | None = None,
    with_support: Support | None = None,
) -> Call:
    """Run a scenario beside a session over this route; the caller hangs up after it unless the session ended before."""

    async def both() -> Call:
        made: list[Any] = []
        caller = FakeCaller(virtual_time.now)
        session = Session(
            "sess_1",
            caller,
            places(route, made),
            settings,
            limits,
            virtual_time.now,
            make_voice=LoudIsVoice,
            support=with_support or support(),
        )
        one = Call(caller, session, made)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(session.run())
            await asyncio.sleep(0.1)
            await scenario(one)
            if caller.hangup is not None and not caller.hangup.done() and not running.done():
                caller.hang_up()
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
        assert not any(bridge.running for bridge in made)
        one.ended = running.result()
        return one

    return virtual_time.run(both())


def texts(bridge: Provider | ScriptedBridge) -> list[str]:
    """Return the words of the history that a bridge began with."""
    assert isinstance(bridge, Provider)
    assert bridge.opening is not None
    return [item.text or item.output or item.name or "" for item in bridge.opening.history]


def once(begun: Iterable[object], ended: Iterable[object]) -> None:
    """What was begun was ended, and nothing twice."""
    one, other = Counter(begun), Counter(ended)
    assert one == other, (one - other, other - one)
    assert set(one.values()) <= {1}


def whole(caller: FakeCaller) -> None:
    """All that the client was told of was ended exactly once."""
    speech = [one.item_id for one in caller.told(SpeechStarted)]
    assert speech == [one.item_id for one in caller.told(SpeechStopped)]
    once(
        (one.response_id for one in caller.told(ResponseCreated)),
        (one.response_id for one in caller.told(ResponseDone)),
    )
    once((one.item.id for one in caller.told(ItemAdded)), (one.item.id for one in caller.told(ItemDone)))
    ends = chain(caller.told(OutputStopped), caller.told(OutputCleared))
    once((one.response_id for one in caller.told(OutputStarted)), (one.response_id for one in ends))
