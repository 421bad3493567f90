from __future__ import annotations

from statistics import median

import pytest

from mediaserver.audio.prosody import Prosody, prosody
from mediaserver.conversation.endpoint import CLEAR_DB, QUIET_MS, Eagerness, least_ms, patience_ms, tone, verdict
from tests import clips
from tests.audio.test_prosody import voiced_part

FALLING, HELD, RISING = Prosody(-2.0, -8.0), Prosody(0.1, 0.5), Prosody(3.0, 0.0)
CREAK = Prosody(6.0, -4.0)

UNFINISHED = (
    "i would like to", "can you tell me the", "my name is", "i want to book a table for", "and then because", "well um",
    "i was wondering if you could", "my number is five five five", "the address is one two three", "j o h n",
)  # fmt: skip

SENTENCES = (
    "beach",
    "cards_001",
    "cards_003",
    "goforward",
    "librivox_0870",
    "librivox_0880",
    "librivox_0930",
    "something",
)


@pytest.mark.parametrize("voice", [None, FALLING, HELD, CREAK])
def test_a_pause_of_a_second_does_not_cut_an_unfinished_sentence(voice: Prosody | None) -> None:
    assert min(patience_ms("auto", text, voice) for text in UNFINISHED) > 1000


def test_in_noise_the_wait_makes_up_for_the_end_that_is_not_heard() -> None:
    waits = [patience_ms("auto", "hello there", FALLING, above_room_db=db) for db in (60, CLEAR_DB, 22, 12, 3)]
    assert waits == [400, 400, 470, 520, 550]


def test_a_held_pitch_waits_whatever_the_words_say() -> None:
    assert patience_ms("auto", "i spoke with your colleague", HELD) > 1000
    assert patience_ms("auto", "", HELD) > 1000


def test_a_finished_sentence_is_answered_within_half_a_second() -> None:
    assert patience_ms("auto", "what time is it") <= 500
    assert patience_ms("auto", "what time is it", FALLING) <= 500
    assert patience_ms("auto", "is it open", RISING) <= 500  # a question rises


def test_people_who_have_finished_are_answered_within_half_a_second() -> None:
    """Half of the sentences that people spoke, by their words and by how they sound at their end."""
    waits = [
        patience_ms("auto", clip.text, prosody(voiced_part(clip.pcm), clips.RATE))
        for clip in map(clips.clip, SENTENCES)
    ]
    assert median(waits) <= 500


def test_the_longest_waits_are_the_documented_ones() -> None:
    assert [patience_ms(eager, "and") for eager in ("low", "medium", "auto")] == [8000, 4000, 4000]
    assert patience_ms("high", "and", pace=1.6) == 2000


@pytest.mark.parametrize("text", ["", "yes", "and", "five five five"])
@pytest.mark.parametrize("voice", [None, FALLING, HELD])
def test_the_eager_wait_less_and_nobody_less_than_the_quiet(text: str, voice: Prosody | None) -> None:
    eagerness: tuple[Eagerness, ...] = ("high", "auto", "low")
    waits = [patience_ms(eager, text, voice) for eager in eagerness]
    assert waits == sorted(waits)
    assert min(waits) >= min(map(least_ms, eagerness)) >= QUIET_MS


def test_a_slow_caller_is_waited_for_longer() -> None:
    assert patience_ms("auto", "yes", pace=1.6) == 720


@pytest.mark.parametrize(
    ("voice", "expected"),
    [(None, "unclear"), (FALLING, "falling"), (HELD, "held"), (RISING, "held"), (CREAK, "unclear"),
     (Prosody(None, -9), "falling"), (Prosody(None, 0), "unclear"), (Prosody(0.0, -6), "unclear"),
     (Prosody(-0.8, -5), "falling")],
)  # fmt: skip
def test_how_a_voice_came_to_its_end(voice: Prosody | None, expected: str) -> None:
    assert tone(voice) == expected


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(None, "unsure"), (0.0, "incomplete"), (0.2, "incomplete"), (0.21, "unsure"), (0.79, "unsure"), (0.8, "complete"),
     (1.0, "complete")],
)  # fmt: skip
def test_what_the_word_of_a_model_is_worth(probability: float | None, expected: str) -> None:
    assert verdict(probability) == expected


@pytest.mark.parametrize(
    ("text", "voice", "complete", "unsure", "incomplete"),
    [
        ("what time is it", FALLING, 350, 400, 1100),
        ("what time is it", None, 350, 450, 1238),
        ("i spoke with your colleague", HELD, 1100, 1100, 3025),  # a held voice and a model that disagree
        ("", FALLING, 385, 700, 1400),
        ("", HELD, 1200, 1200, 2400),
        ("my number is five five five", FALLING, 1200, 1200, 1800),
        ("i would like to", FALLING, 1250, 2500, 3750),
        ("i would like to", None, 2000, 4000, 4000),
    ],
)
def test_a_model_is_one_voice_among_others(
    text: str, voice: Prosody | None, complete: int, unsure: int, incomplete: int
) -> None:
    waits = [patience_ms("auto", text, voice, complete=probability) for probability in (0.95, 0.5, 0.05)]
    assert waits == [complete, unsure, incomplete]
    assert patience_ms("auto", text, voice) == unsure


def test_a_model_changes_nothing_of_the_least_and_the_longest_wait() -> None:
    for eager in ("low", "medium", "high", "auto"):
        assert patience_ms(eager, "yes", FALLING, complete=0.99) == least_ms(eager)  # type: ignore[arg-type]
    assert patience_ms("low", "and", complete=0.01) == 8000
