"""Whatever a client and a bridge do, what is begun is ended, once: a scripted monkey in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

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
from mediaserver.conversation.session import Session
from mediaserver.events import (
    ItemAdded,
    ItemDone,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
)
from mediaserver.settings import TurnDetection
from tests.conversation.test_dialogue import typed
from tests.conversation.test_session import COUNTING, SETTINGS, play
from tests.fakes.bridge import Delays, Reply, ScriptedBridge
from tests.fakes.caller import FakeCaller

STEPS = 30
SPEECH_MS = (40, 60, 200, 400, 900, 1600)


def detection(rng: random.Random) -> TurnDetection:
    kind = "server_vad" if rng.random() < 0.5 else "semantic_vad"
    return TurnDetection(
        kind, silence_duration_ms=200, create_response=rng.random() < 0.7, interrupt_response=rng.random() < 0.8
    )


def bridge(rng: random.Random) -> ScriptedBridge:
    says = [Reply(COUNTING), Reply(COUNTING), Reply("Yes."), Reply(tool=("look_up", "{}"))]
    return ScriptedBridge(
        hears=[rng.choice(["", "hello there", "mm-hmm", "stop"]) for _ in range(2 * STEPS)],
        says=[rng.choice(says) for _ in range(2 * STEPS)],
        delays=Delays(transcript=rng.choice((10, 300, 1500)), model=rng.choice((10, 900)), stop=rng.choice((0, 1500))),
        partials=rng.random() < 0.5,
        answers_interrupts=rng.random() < 0.9,
    )


def asks(caller: FakeCaller, rng: random.Random, number: int) -> None:
    items = [event.item.id for event in caller.told(ItemAdded)] or ["item_none"]
    settings = replace(SETTINGS, turn_detection=rng.choice((None, detection(rng))))
    possible: list[Callable[[], object]] = [
        lambda: CreateResponse(out_of_band=rng.random() < 0.3),
        CancelResponse,
        ClearOutput,
        CommitInput,
        ClearInput,
        lambda: typed("typed", f"item_typed_{number}"),
        lambda: UpdateSession(settings=settings),
        lambda: RetrieveItem(item_id=rng.choice(items)),
        lambda: TruncateItem(item_id=rng.choice(items), content_index=0, audio_end_ms=300),
    ]
    caller.ask(rng.choice(possible)())  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_begun_is_ended_once(seed: int) -> None:
    rng = random.Random(seed)
    last = replace(SETTINGS, turn_detection=detection(rng))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        for number in range(STEPS):
            if rng.random() < 0.4:
                await caller.say(rng.choice(SPEECH_MS))
            else:
                asks(caller, rng, number)
            await asyncio.sleep(rng.choice((0, 0.02, 0.1, 0.5, 1.5)))
        caller.ask(UpdateSession(settings=last))
        caller.ask(ClearInput())
        await asyncio.sleep(40)
        assert session.state == "idle"

    caller, ended = play(talk, bridge(rng), last)
    assert ended.reason == "client_closed"
    assert [one.item_id for one in caller.told(SpeechStarted)] == [one.item_id for one in caller.told(SpeechStopped)]
    once(
        (one.response_id for one in caller.told(ResponseCreated)),
        (one.response_id for one in caller.told(ResponseDone)),
    )
    once((one.item.id for one in caller.told(ItemAdded)), (one.item.id for one in caller.told(ItemDone)))
    ends = [one.response_id for one in caller.events if isinstance(one, OutputStopped | OutputCleared)]
    once((one.response_id for one in caller.told(OutputStarted)), ends)


def once(begun: object, ended: object) -> None:
    begun, ended = Counter(begun), Counter(ended)  # type: ignore[call-overload]
    assert begun == ended
    assert set(begun.values()) <= {1}
