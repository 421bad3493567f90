import pytest

from signaling.evaluate.figures import BargeIn, Distraction, Pause, TurnEnd, figures, stop_of
from tests.signaling.evaluate.stage import said, take

ASIDE = said(2000, (0, 300, "mm"), kind="backchannel", name="aside")
CUT = said(2000, (0, 800, "no wait"), kind="barge_in", name="cut")


def test_a_commit_within_a_pause_is_a_cut_in_and_the_delay_runs_from_the_last_word():
    one = said(0, (0, 400, "one"), (900, 1300, "two"), (2300, 2500, "three"))
    found = figures(take(one, reply=((3500, 4000),), seen=((1800, "committed"), (3000, "committed"))))
    assert found.pauses == [Pause(500, False), Pause(1000, True)]
    assert found.turns == [TurnEnd("one", 500, 1000)]


def test_a_turn_that_never_ends_has_no_delay():
    assert figures(take(said(0, (0, 400, "one")))).turns == [TurnEnd("one", None, None)]


def test_what_belongs_to_the_next_turn_does_not_count():
    first, second = said(0, (0, 400, "one")), said(1000, (0, 400, "two"), name="two")
    found = figures(take(first, second, reply=((2000, 3000),), seen=((1900, "committed"),)))
    assert found.turns == [TurnEnd("one", None, None), TurnEnd("two", 500, 600)]


def test_a_barge_in_stops_the_reply_when_it_stays_silent():
    stopped = take(CUT, reply=((1000, 2065),), seen=((2060, "paused"), (2500, "interrupted")))
    assert figures(stopped).barge_ins == [BargeIn("cut", 65)] and stop_of(stopped, CUT) == 65
    went_on = take(CUT, reply=((1000, 2065), (4000, 5000)), seen=((2060, "paused"), (4000, "resumed")))
    assert figures(went_on).barge_ins == [BargeIn("cut", None)]


def test_a_pause_of_the_reply_without_any_sound_is_groundless():
    at = ((1500, "paused"), (2060, "paused"), (2590, "paused"), (2700, "paused"))
    assert figures(take(ASIDE, reply=((1000, 5000),), seen=at)).groundless == 2


def test_words_after_the_reply_are_no_barge_in():
    assert figures(take(CUT, reply=((1000, 1900),))).barge_ins == []


@pytest.mark.parametrize(
    ("reply", "seen", "expected"),
    [
        (((1000, 5000),), (), Distraction("aside", False, 0.0, False)),
        (
            ((1000, 2065), (2900, 5000)),
            ((2060, "paused"), (2900, "resumed")),
            Distraction("aside", False, 835, True),
        ),
        (((1000, 5000),), ((2060, "paused"), (2160, "resumed")), Distraction("aside", False, 100, True)),
        (((1000, 2065),), ((2060, "paused"), (2900, "cleared")), Distraction("aside", True, 0.0, False)),
    ],
)
def test_a_backchannel_leaves_a_reply_alone_or_holds_it_or_ends_it(reply, seen, expected):
    assert figures(take(ASIDE, reply=reply, seen=seen)).distractions == [expected]


def test_a_noise_alone_is_answered_or_not():
    noise = said(500, (0, 200, ""), kind="noise")
    quiet, loud = figures(take(noise)), figures(take(noise, seen=((1500, "created"),)))
    assert (quiet.idle_noises, quiet.answered_noises) == (1, 0)
    assert (loud.idle_noises, loud.answered_noises) == (1, 1)


def test_words_are_scored_over_all_pieces_of_a_turn():
    one = said(0, (0, 400, "one two"), (900, 1300, "three four"))
    found = figures(take(one, heard=((600, "one to"), (1900, "four"))))
    assert (found.words, found.word_errors) == (4, 2)


def test_stages_are_collected():
    whole = take(said(0, (0, 400, "one")), seen=((900, "turn"),))
    whole.seen[0].facts.update(stages=[("model", 250.0)])  # type: ignore[attr-defined]
    assert figures(whole).stages == {"model": [250.0]}
