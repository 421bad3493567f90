import asyncio

from mediaserver.events import PlayoutFinished, PlayoutStarted
from mediaserver.items import Played
from signaling.loudspeaker import Loudspeaker
from tests.fakes.virtual_time import now, run

SECOND = 16000


def test_an_item_ends_by_itself_when_it_was_played() -> None:
    async def scenario() -> None:
        notes: list[PlayoutStarted | PlayoutFinished] = []
        speaker, start = Loudspeaker(8000, notes.append, now), now()
        speaker.add("a", bytes(SECOND))
        speaker.finish("a")
        speaker.add("b", bytes(SECOND))
        speaker.finish("b")
        await asyncio.sleep(1.5)
        assert (speaker.played("a"), speaker.played("b")) == (1000, 500)
        await asyncio.sleep(1)
        assert [(type(note), note.item_id, round(note.at - start, 3)) for note in notes] == [
            (PlayoutStarted, "a", 0.0),
            (PlayoutFinished, "a", 1.0),
            (PlayoutStarted, "b", 1.0),
            (PlayoutFinished, "b", 2.0),
        ]

    run(scenario())


def test_a_pause_moves_the_end_and_the_client_may_know_better() -> None:
    async def scenario() -> None:
        notes: list[PlayoutStarted | PlayoutFinished] = []
        speaker = Loudspeaker(8000, notes.append, now)
        speaker.add("a", bytes(SECOND))
        speaker.finish("a")
        speaker.pause()
        await asyncio.sleep(5)
        speaker.resume()
        await asyncio.sleep(0.9)
        assert len(notes) == 1
        speaker.add("b", bytes(SECOND))
        await asyncio.sleep(0.3)
        speaker.cut("b", 120)
        assert speaker.played("b") == 120 and len(notes) == 4
        speaker.add("c", bytes(SECOND))
        assert speaker.clear() == (Played("c", 0),)
        speaker.add("d", bytes(SECOND))
        speaker.finish("d")
        speaker.stop()
        await asyncio.sleep(5)
        assert [note.item_id for note in notes].count("d") == 1

    run(scenario())


def test_a_tap_hears_what_is_played_little_by_little() -> None:
    async def scenario() -> None:
        heard: list[tuple[float, int]] = []
        start = now()
        speaker = Loudspeaker(8000, lambda note: None, now, lambda pcm, at: heard.append((at - start, len(pcm))))
        speaker.add("a", bytes(SECOND))
        await asyncio.sleep(0.55)
        speaker.clear()
        await asyncio.sleep(5)
        assert abs(sum(size for _, size in heard) - 0.55 * SECOND) <= 4  # whole samples
        assert [round(at, 3) for at, _ in heard] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
        speaker.stop()

    run(scenario())
