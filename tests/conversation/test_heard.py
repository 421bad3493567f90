from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio.packets import Packet
from mediaserver.conversation.heard import Cut, Ledger, Script
from mediaserver.events import WordTime
from tests import clips
from tests.fakes.caller import tone

RATE = 16000
TEXT = "One two three, four five six."


def script(*, complete: bool = True) -> Script:
    """Two clauses of 900 ms each, 300 ms a word."""
    one = Script(RATE)
    one.write(TEXT)
    one.sound(tone(900, RATE), "One two three, ")
    one.sound(tone(900, RATE), "four five six.")
    if complete:
        one.complete()
    return one


@pytest.mark.parametrize(
    ("played_ms", "text"),
    [(0, ""), (280, "One"), (600, "One two"), (900, "One two three,"), (1250, "One two three, four")],
)
def test_words_that_left(played_ms: int, text: str) -> None:
    cut = script().at(played_ms)
    assert cut.text == text
    assert f"{cut.text} {cut.unheard}".strip() == TEXT
    assert cut.estimated


def test_the_words_whose_sound_has_come_so_far() -> None:
    one = Script(RATE)
    one.write(TEXT)
    assert one.covered() == ""
    one.sound(tone(900, RATE), "One two three, ")
    assert one.covered() == "One two three,"
    one.sound(tone(900, RATE), "four five six.")
    one.complete()
    assert one.covered() == TEXT


def test_of_a_text_far_ahead_of_its_sound_only_what_sounds_is_covered() -> None:
    one = Script(RATE)
    one.write("One two three four five six seven eight nine ten.")
    one.sound(tone(600, RATE))
    assert one.written.startswith(one.covered())
    assert len(one.covered().split()) <= 4


def test_text_in_step_with_its_sound_says_more_than_its_letters() -> None:
    one = Script(RATE)
    for word in ("One ", "two ", "three ", "four "):
        one.write(word)
        one.sound(tone(300, RATE))
    assert one.covered() == "One two three four"


def test_all_of_it() -> None:
    assert script().at(1800) == Cut(1800, TEXT, "", estimated=False)
    assert script().at(1790).unheard == ""


def test_sound_that_is_still_being_made_is_judged_by_the_pace_so_far() -> None:
    one = Script(RATE)
    one.write("One two three, four five six seven eight nine ten.")
    one.sound(tone(900, RATE), "One two three, ")
    one.sound(tone(300, RATE), "four five six seven eight nine ten.")
    assert one.at(1200).text == "One two three, four"


def test_pauses_carry_no_words() -> None:
    one = Script(RATE)
    one.write("alpha bravo charlie delta")
    one.sound(bytes(2000 * 32) + tone(1200, RATE), "alpha bravo charlie delta")
    one.complete()
    assert one.at(1900).text == ""
    assert one.at(2600).text == "alpha bravo"


def test_word_times_are_believed() -> None:
    times = (WordTime("alpha", 0, 1000), WordTime("bravo,", 1000, 1100), WordTime("charlie", 1100, 1200))
    one = Script(RATE)
    one.write("alpha bravo, charlie")
    one.sound(tone(1200, RATE), "alpha bravo, charlie", times)
    assert one.at(400) == Cut(400, "", "alpha bravo, charlie", estimated=False)
    assert one.at(600).text == "alpha"
    assert one.at(1080).text == "alpha bravo,"


def test_sound_without_marks_is_one_clause() -> None:
    one = Script(RATE)
    one.sound(tone(600, RATE))
    one.write("one two three four")
    one.sound(tone(600, RATE))
    one.complete()
    assert one.at(600).text == "one two"


def test_marks_without_text_make_the_text() -> None:
    one = Script(RATE)
    one.sound(tone(600, RATE), "one two")
    one.sound(tone(600, RATE), "three four")
    one.complete()
    assert one.at(600).text == "one two"
    assert one.written == "one two three four"


def test_a_clause_that_reads_otherwise_than_it_is_written_loses_nothing() -> None:
    one = Script(RATE)
    one.write("It costs $5 today.")
    one.sound(tone(900, RATE), "It costs five dollars today.")
    one.complete()
    cut = one.at(450)
    assert f"{cut.text} {cut.unheard}".split() == ["It", "costs", "$5", "today."]


def test_within_one_word_of_the_truth_on_real_speech() -> None:
    """Cut at the middle of its sound, about half of the words were heard."""
    clip = clips.clip("librivox_0880")
    one = Script(clips.RATE)
    one.write(clip.text)
    one.sound(clip.pcm, clip.text)
    one.complete()
    words = len(clip.text.split())
    assert abs(len(one.at(one.sound_ms // 2).text.split()) - words / 2) <= 1.5


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=20), st.booleans())
def test_hearing_more_never_means_less(times: list[int], complete: bool) -> None:
    one = script(complete=complete)
    lengths = [len(one.at(ms).text) for ms in sorted(times)]
    assert lengths == sorted(lengths)


def test_the_ledger_forgets_the_oldest() -> None:
    ledger = Ledger(RATE, keep=2)
    first = ledger.script("a")
    assert ledger.script("a") is first
    ledger.script("b")
    ledger.script("c")
    assert ledger.find("a") is None
    assert ledger.find("c") is not None


def test_packets_count_and_sound_like_the_frames_they_stand_for() -> None:
    one = Script(RATE)
    one.write(TEXT)
    for text in ("One two three, ", "four five six."):
        voiced = [Packet(b"", -20.0)] * 45
        one.packets(voiced[:20], text)
        one.packets(voiced[20:])
    one.complete()
    assert one.sound_ms == 1800
    assert one.at(1250) == script().at(1250)
    assert one.envelope.at(100) == -20.0
