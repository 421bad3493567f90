import asyncio

import pytest

from bridges.echo import EchoBridge
from mediaserver.bridge import Opening
from mediaserver.commands import EndSpeech, Respond
from mediaserver.errors import Unsupported
from mediaserver.events import AudioDelta, Event, ResponseCreated
from mediaserver.settings import Settings

FRAME = b"\x01\x02" * 480


async def test_gives_every_frame_back_in_one_response() -> None:
    events: list[Event] = []
    ready = asyncio.Event()
    bridge = EchoBridge()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bridge.run(Opening(Settings("echo")), events.append, ready.set))
        await asyncio.wait_for(ready.wait(), 1)
        bridge.hear(FRAME)
        bridge.hear(FRAME[::-1])
        running.cancel()
    created, *deltas = events
    assert isinstance(created, ResponseCreated)
    assert [delta.pcm for delta in deltas if isinstance(delta, AudioDelta)] == [FRAME, FRAME[::-1]]
    assert {delta.response_id for delta in deltas if isinstance(delta, AudioDelta)} == {created.response_id}


async def test_keeps_nothing_before_it_runs_and_says_nothing_after() -> None:
    events: list[Event] = []
    bridge = EchoBridge()
    bridge.hear(FRAME)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bridge.run(Opening(Settings("echo")), events.append, lambda: None))
        await asyncio.sleep(0)
        running.cancel()
    bridge.hear(FRAME)
    assert [type(event) for event in events] == [ResponseCreated]


def test_refuses_to_answer() -> None:
    bridge = EchoBridge()
    bridge.send(EndSpeech(item_id="item_1"))
    with pytest.raises(Unsupported):
        bridge.send(Respond(response_id="resp_1", settings=Settings("echo")))
