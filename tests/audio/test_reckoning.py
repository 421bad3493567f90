from mediaserver.audio.reckoning import KEPT_S, REMEMBERED, Reckoning
from mediaserver.events import PlayoutFinished, PlayoutStarted
from mediaserver.items import Played

RATE = 8000
SECOND = 2 * RATE


class Ear:
    def __init__(self) -> None:
        self.notes: list[PlayoutStarted | PlayoutFinished] = []
        self.reckoning = Reckoning(RATE, self.notes.append)
        self.reckoning.advance(100.0)


def test_what_was_sent_at_once_is_heard_in_real_time() -> None:
    ear = Ear()
    ear.reckoning.add("a", bytes(2 * SECOND), 100.0)
    ear.reckoning.finish("a", 100.0)
    assert ear.notes == [PlayoutStarted("a", 100.0)]
    assert ear.reckoning.played("a", 100.5) == 500
    assert ear.reckoning.due == 102.0
    ear.reckoning.advance(103.0)
    assert ear.notes[1:] == [PlayoutFinished("a", 2000, 102.0)]
    assert ear.reckoning.played("a", 200.0) == 2000 and ear.reckoning.due is None


def test_items_follow_one_another() -> None:
    ear = Ear()
    ear.reckoning.add("a", bytes(SECOND), 100.0)
    ear.reckoning.add("b", bytes(SECOND), 100.0)
    ear.reckoning.finish("a", 100.0)
    ear.reckoning.finish("b", 100.0)
    ear.reckoning.advance(101.5)
    assert ear.reckoning.played("b", 101.5) == 500
    ear.reckoning.advance(110.0)
    assert ear.notes == [
        PlayoutStarted("a", 100.0),
        PlayoutFinished("a", 1000, 101.0),
        PlayoutStarted("b", 101.0),
        PlayoutFinished("b", 1000, 102.0),
    ]


def test_an_item_whose_sound_runs_out_waits_for_more() -> None:
    ear = Ear()
    ear.reckoning.add("a", bytes(SECOND // 2), 100.0)
    assert ear.reckoning.played("a", 105.0) == 500
    ear.reckoning.add("a", bytes(SECOND // 2), 105.0)
    assert ear.reckoning.due is None
    ear.reckoning.finish("a", 105.1)
    assert ear.reckoning.due == 105.5
    assert [type(note) for note in ear.notes] == [PlayoutStarted]


def test_a_pause_costs_no_sound() -> None:
    ear = Ear()
    ear.reckoning.add("a", bytes(SECOND), 100.0)
    ear.reckoning.pause(100.25)
    assert ear.reckoning.played("a", 109.0) == 250
    ear.reckoning.resume(110.0)
    assert ear.reckoning.played("a", 110.25) == 500


def test_an_item_that_comes_in_a_pause_begins_after_it() -> None:
    ear = Ear()
    ear.reckoning.pause(100.0)
    ear.reckoning.add("a", bytes(SECOND), 101.0)
    assert ear.notes == []
    ear.reckoning.resume(105.0)
    assert ear.notes == [PlayoutStarted("a", 105.0)]


def test_clearing_says_how_much_was_heard_and_no_item_comes_back() -> None:
    ear = Ear()
    ear.reckoning.add("a", bytes(SECOND), 100.0)
    ear.reckoning.add("b", bytes(SECOND), 100.0)
    assert ear.reckoning.clear(100.4) == (Played("a", 400), Played("b", 0))
    ear.reckoning.add("a", bytes(SECOND), 100.5)
    ear.reckoning.finish("b", 100.5)
    ear.reckoning.advance(200.0)
    assert ear.notes == [PlayoutStarted("a", 100.0)]
    assert ear.reckoning.played("a", 200.0) == 400


def test_the_clients_word_is_better() -> None:
    ear = Ear()
    ear.reckoning.add("a", bytes(3 * SECOND), 100.0)
    ear.reckoning.add("b", bytes(SECOND), 100.0)
    ear.reckoning.cut("a", 340, 101.0)
    ear.reckoning.cut("none", 1, 101.0)
    assert ear.notes[1:] == [PlayoutFinished("a", 340, 101.0), PlayoutStarted("b", 101.0)]
    assert ear.reckoning.played("a", 102.0) == 340


def test_an_item_without_sound_ends_when_its_turn_comes() -> None:
    ear = Ear()
    ear.reckoning.finish("a", 100.0)
    assert ear.notes == [PlayoutFinished("a", 0, 100.0)]


def test_what_is_told_may_call_back() -> None:
    cleared: list[tuple[Played, ...]] = []

    def note(event: PlayoutStarted | PlayoutFinished) -> None:
        if isinstance(event, PlayoutFinished):
            cleared.append(reckoning.clear(1.0))

    reckoning = Reckoning(RATE, note)
    reckoning.add("a", bytes(SECOND), 0.0)
    reckoning.add("b", bytes(SECOND), 0.0)
    reckoning.finish("a", 0.0)
    reckoning.advance(1.0)
    assert cleared == [(Played("b", 0),)]


def test_memory_is_bounded() -> None:
    ear = Ear()
    for number in range(3 * REMEMBERED):
        ear.reckoning.finish(str(number), 100.0)
    assert len(ear.reckoning._gone) == REMEMBERED


def test_a_tap_hears_what_is_played_when_it_is() -> None:
    heard: list[tuple[bytes, float]] = []
    reckoning = Reckoning(RATE, lambda note: None, lambda pcm, at: heard.append((pcm, at)))
    reckoning.add("a", b"a" * SECOND, 100.0)
    reckoning.add("b", b"b" * SECOND, 100.0)
    reckoning.advance(100.25)
    reckoning.pause(100.5)
    reckoning.resume(103.0)
    reckoning.finish("a", 103.0)
    assert reckoning.sounding
    reckoning.advance(103.75)
    reckoning.cut("b", 500, 103.75)
    assert not reckoning.sounding
    reckoning.add("c", b"c" * SECOND, 104.0)
    reckoning.advance(104.5)
    reckoning.clear(104.5)
    reckoning.advance(110.0)
    assert [(pcm[:1] * (len(pcm) * 4 // SECOND), at) for pcm, at in heard] == [
        (b"a", 100.0),
        (b"a", 100.25),
        (b"aa", 103.0),
        (b"b", 103.5),
        (b"cc", 104.0),
    ]


def test_what_a_tap_is_still_to_hear_is_bounded() -> None:
    heard: list[int] = []
    reckoning = Reckoning(RATE, lambda note: None, lambda pcm, at: heard.append(len(pcm)))
    for _ in range(KEPT_S + 10):
        reckoning.add("a", bytes(SECOND), 0.0)
    reckoning.advance(1000.0)
    assert heard == [KEPT_S * SECOND] and reckoning.played("a", 1000.0) == (KEPT_S + 10) * 1000
