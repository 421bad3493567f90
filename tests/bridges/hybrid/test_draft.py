"""An answer that is begun on a guess."""

import asyncio
from contextlib import aclosing

import pytest

from bridges.hybrid.draft import Draft
from bridges.options import Deadlines
from mediaserver.commands import Prepare, Respond
from mediaserver.errors import BridgeError
from mediaserver.items import Item, Part, Usage
from mediaserver.settings import Settings
from tests.bridges.hybrid.test_bridge import Mind, Mouth

SETTINGS = Settings("local", instructions="be kind")


def said(text: str, item_id: str = "u") -> tuple[Item, ...]:
    return (Item(item_id, role="user", parts=(Part("input_audio", text),)),)


def draft(text: str = "what time is it") -> Draft:
    return Draft(Prepare(settings=SETTINGS, items=said(text)))


def asked(text: str, settings: Settings = SETTINGS) -> Respond:
    return Respond(response_id="r", settings=settings, items=said(text))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("what time is it", True),
        ("What time is it?", True),
        ("what time is it now", False),
        ("what time", False),
    ],
)
def test_the_same_words_are_the_same_question(text: str, same: bool) -> None:
    assert draft().answers(asked(text)) is same


def test_other_settings_or_another_history_are_another_question() -> None:
    assert not draft().answers(asked("what time is it", Settings("local")))
    before = Item("a", role="assistant", parts=(Part("output_audio", "Hello."),))
    assert not draft().answers(Respond(response_id="r", settings=SETTINGS, items=(before, *said("what time is it"))))


async def test_what_was_written_is_handed_out_once_it_is_taken() -> None:
    usage, mind, one = Usage(input_tokens=5, source="provider"), Mind("Ten ", "o'clock."), draft()
    mind.script = (*mind.script, usage)
    async with asyncio.TaskGroup() as tasks:
        one.start(tasks, mind, Deadlines())
        await asyncio.sleep(0.01)
        assert [piece async for piece in one.pieces()] == ["Ten ", "o'clock.", usage]
    assert one.drop() == usage and mind.closed == 1


async def test_a_dropped_one_stops_the_model_and_says_what_it_used() -> None:
    mind, one = Mind("Ten ", asyncio.Event()), draft()
    async with asyncio.TaskGroup() as tasks:
        one.start(tasks, mind, Deadlines())
        await asyncio.sleep(0.01)
        usage = one.drop()
    assert mind.closed == 1
    assert usage.output_tokens == 1 and usage.input_tokens > 1


async def test_a_failure_is_told_to_who_takes_it_and_to_nobody_else() -> None:
    mind, one, other = Mind(BridgeError("no", code="unavailable")), draft(), draft()
    async with asyncio.TaskGroup() as tasks:
        one.start(tasks, mind, Deadlines())
        other.start(tasks, mind, Deadlines())
        with pytest.raises(BridgeError):
            async with aclosing(one.pieces()) as pieces:
                await anext(pieces)
        other.drop()


async def test_the_first_clause_is_spoken_ahead() -> None:
    mind, mouth, one = Mind("It is ten o'clock, ", "and all is well."), Mouth(), draft()
    async with asyncio.TaskGroup() as tasks:
        one.start(tasks, mind, Deadlines(), mouth)
        await asyncio.sleep(0.02)
        assert mouth.spoken == ["It is ten o'clock,"]
        voicing = one.voicing("It is ten o'clock, ")
        assert voicing is not None
        assert len([sound async for sound in voicing.sounds()]) == 2
        assert one.voicing("It is ten o'clock, ") is None


async def test_another_first_clause_is_not_this_one() -> None:
    mind, mouth, one = Mind("Yes."), Mouth(), draft()
    mouth.gate = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        one.start(tasks, mind, Deadlines(), mouth)
        await asyncio.sleep(0.02)
        assert one.voicing("No.") is None
    assert mouth.closed == 1
