"""A call in real time over a route of two providers, the first of which fails; and what can be measured of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bridges import open_bridge
from mediaserver.bridge import Capabilities
from mediaserver.conversation.leg import Place
from mediaserver.conversation.phrases import Phrases
from mediaserver.conversation.session import Session
from mediaserver.conversation.steadiness import Steadiness
from mediaserver.conversation.support import Support
from mediaserver.events import SessionEnded
from mediaserver.gateway.health import Breakers
from mediaserver.settings import Settings
from tests.servers import toned
from tests.servers.fleet import FLEET
from tests.servers.handset import Handset
from tests.servers.minds import Brain
from tests.servers.provider import Connection, Faults, Simulator

APOLOGY, MOMENT = "apology", "moment"
APOLOGY_SENTENCE, MOMENT_SENTENCE = 18, 17
LONG = "count to eight please, a long answer"
RATE = 24000


@dataclass
class Call:
    """One call and its two providers. ``first`` fails as told, ``second`` is well unless told otherwise."""

    handset: Handset
    session: Session
    first: Simulator
    second: Simulator
    ended: asyncio.Task[SessionEnded]
    first_capabilities: Capabilities

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Return the record's entries of a kind."""
        return [entry for entry in self.session.record.entries() if entry["kind"] == kind]

    @property
    def spoken(self) -> list[toned.Spoken]:
        """What the caller has heard, sentence by sentence."""
        return toned.spoken(bytes(self.handset.heard), self.handset.play_rate)

    @property
    def sentences(self) -> list[int]:
        """The sentences that the caller has heard, in order."""
        return [one.sentence for one in self.spoken]

    def gap_ms(self) -> int:
        """The longest hole within what was heard, beyond what sentences and words have by themselves."""
        holes = [length for _, length in toned.gaps(bytes(self.handset.heard), self.handset.play_rate)]
        return max([0, *(length - toned.GAP_MS - toned.PAUSE_MS for length in holes)])

    def switch_ms(self) -> int | None:
        """From the failure to the next provider that is ready, in ms; ``None`` when nobody took over."""
        left, joined = self.entries("provider_left"), self.entries("provider_joined")
        later = [entry["at_ms"] for entry in joined if left and entry["at_ms"] >= left[0]["at_ms"]]
        return later[0] - left[0]["at_ms"] if left and later else None

    def words_of_caller(self) -> list[int]:
        """How many words of the caller each session of a provider has heard in one piece."""
        heard = [connection for sim in (self.first, self.second) for connection in sim.connections]
        return [max([0, *(len(one.words) for one in _spoken(each))]) for each in heard]


def _spoken(connection: Connection) -> list[toned.Spoken]:
    return toned.spoken(bytes(connection.received), connection.rate)


@dataclass
class Setting:
    """What is set up for one call."""

    provider: str
    faults: Faults = field(default_factory=Faults)
    second: Faults = field(default_factory=Faults)
    heard: tuple[str, ...] = (LONG,)
    cap_s: float | None = None
    steadiness: Steadiness = field(default_factory=Steadiness)
    breakers: Breakers = field(default_factory=Breakers)


@asynccontextmanager
async def calling(setting: Setting) -> AsyncIterator[Call]:
    """Make the call and hang up in the end."""
    async with AsyncExitStack() as stack:
        first, one = await _place(stack, setting, "first", setting.faults)
        second, other = await _place(stack, setting, "second", setting.second)
        handset = Handset()
        session = Session("sess_fault", handset, (one, other), Settings("model"), support=_support(setting))
        async with asyncio.TaskGroup() as tasks:
            ended = tasks.create_task(session.run())
            try:
                await handset.until(lambda: bool(session.record.entries()), 10)
                yield Call(handset, session, first, second, ended, one.make().capabilities)
            finally:
                handset.hang_up()


async def _place(stack: AsyncExitStack, setting: Setting, name: str, faults: Faults) -> tuple[Simulator, Place]:
    entry = FLEET[setting.provider]
    sim = await stack.enter_async_context(entry.make(faults=faults, brain=Brain(*setting.heard)))
    make = await stack.enter_async_context(open_bridge(setting.provider, entry.options(sim)))
    return sim, Place(name, partial(make, "model"), setting.provider, name, setting.cap_s)


def _support(setting: Setting) -> Support:
    phrases = Phrases(RATE)
    phrases.add(APOLOGY, toned.speak(APOLOGY_SENTENCE, 3, RATE))
    phrases.add(MOMENT, toned.speak(MOMENT_SENTENCE, 2, RATE))
    return Support(setting.breakers, setting.steadiness, phrases=phrases, apology=APOLOGY, moment=MOMENT)


def repeated(heard: Sequence[toned.Spoken]) -> list[int]:
    """Return the sentences of which words were said twice; a hole within a word makes two of it, and no repetition."""
    parts: dict[int, list[toned.Spoken]] = {}
    for one in heard:
        parts.setdefault(one.sentence, []).append(one)
    return sorted(sentence for sentence, ones in parts.items() if _again(ones) > len(ones) - 1)


def _again(ones: Sequence[toned.Spoken]) -> int:
    words = [word for one in ones for word in one.words]
    return len(words) - len(set(words))
