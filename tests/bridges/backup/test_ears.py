"""Recognisers in a line."""

import asyncio

import pytest

from bridges.backup.ears import KEPT_S, BackupEars
from bridges.backup.line import Line, Patience
from mediaserver.errors import BridgeError
from mediaserver.speech import FileAsk, FileTranscript, Pausing, SoundFile
from tests.bridges.backup.engines import Ears

FRAME = bytes(640)
NO = BridgeError("no", code="unavailable")


def backup(*ears: Ears) -> BackupEars:
    return BackupEars(Line(ears), Patience(0.02, 1.0))


async def written(ears: BackupEars, frames: int = 10) -> str:
    async with ears.utterance(lambda partial: None) as utterance:
        for _ in range(frames):
            utterance.feed(FRAME)
            await asyncio.sleep(0)
        return (await utterance.finish()).text


async def test_the_first_one_hears_it_all() -> None:
    one, two = Ears("one"), Ears("two")
    assert await written(backup(one, two)) == "one"
    assert (one.heard, one.open, two.heard) == (6400, 0, 0)


@pytest.mark.parametrize("one", [Ears("one", at_open=NO), Ears("one", at_end=NO), Ears("one", at_end=asyncio.Event())])
async def test_another_one_hears_it_again_from_the_beginning(one: Ears) -> None:
    two = Ears("two", rate=8000)
    assert await written(backup(one, two)) == "two"
    assert abs(two.heard - 3200) <= 64
    assert one.open == two.open == 0


async def test_pauses_are_told_to_who_hears() -> None:
    one, two = Ears("one"), Ears("two")
    async with backup(one, two).utterance(lambda partial: None) as utterance:
        await asyncio.sleep(0.01)
        assert isinstance(utterance, Pausing)
        utterance.paused()
        utterance.resumed()
        await utterance.finish()
    assert (one.pauses, two.pauses) == (["paused", "resumed"], [])


async def test_nobody_can() -> None:
    with pytest.raises(BridgeError, match="no"):
        await written(backup(Ears("one", at_open=NO), Ears("two", at_end=NO)))


async def test_leaving_frees_the_engine() -> None:
    one = Ears("one")
    async with backup(one).utterance(lambda partial: None):
        await asyncio.sleep(0.01)
        assert one.open == 1
    assert one.open == 0


async def test_a_turn_without_end_is_kept_in_bounds() -> None:
    one, two = Ears("one", at_end=NO), Ears("two")
    async with backup(one, two).utterance(lambda partial: None) as utterance:
        for _ in range(KEPT_S + 10):
            utterance.feed(bytes(32000))
        assert (await utterance.finish()).text == "two"
    assert two.heard == KEPT_S * 32000


async def test_a_file() -> None:
    sound = SoundFile(b"", "wav", 1.0)
    ears = backup(Ears("one", at_end=NO), Ears("two"))
    assert [piece async for piece in ears.transcribe(sound, FileAsk())] == [FileTranscript("two")]
    with pytest.raises(BridgeError):
        [piece async for piece in backup(Ears("one", at_end=NO)).transcribe(sound, FileAsk())]
