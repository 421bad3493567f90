"""When an answer is begun before the turn is certain to be over."""

from mediaserver.conversation.foresight import MOST, QUIET_S, Foresight, Guess


def speaking(text: str = "what time is it") -> Foresight:
    one = Foresight()
    one.begin("a")
    one.words("a", text)
    return one


def test_nothing_is_guessed_while_the_caller_speaks() -> None:
    assert speaking().changed() is None


def test_a_pause_after_a_sentence_that_may_be_over() -> None:
    one = speaking()
    one.quiet(QUIET_S)
    assert one.changed() == (Guess("a", "what time is it"),)
    assert one.changed() is None


def test_a_pause_begins_once_and_ends_once() -> None:
    one = speaking()
    assert [one.quiet(seconds) for seconds in (0.0, QUIET_S, QUIET_S * 2, 0.0, 0.02)] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_a_pause_in_the_middle_of_a_sentence_is_no_end() -> None:
    one = speaking("i would like to")
    one.quiet(QUIET_S * 2)
    assert one.changed() is None


def test_a_caller_who_goes_on_takes_it_back() -> None:
    one = speaking()
    one.quiet(QUIET_S)
    one.changed()
    one.quiet(0.0)
    assert one.changed() == (None,)


def test_the_end_of_the_turn_is_a_guess_at_the_words_so_far_and_others_replace_it() -> None:
    one = speaking("i would like to")
    one.over("a")
    assert one.changed() == (Guess("a", "i would like to"),)
    one.words("a", "i would like to pay")
    assert one.changed() == (Guess("a", "i would like to pay"),)


def test_the_recognisers_own_opinion_counts() -> None:
    one = Foresight()
    one.begin("a")
    one.words("a", "call me an ambulance", over=True)
    assert one.changed() == (Guess("a", "call me an ambulance"),)
    one.words("a", "call me an ambulance and")
    assert one.changed() == (None,)


def test_no_words_no_guess() -> None:
    one = speaking(" ")
    one.over("a")
    assert one.changed() is None


def test_a_turn_has_a_few_guesses_only() -> None:
    one = speaking()
    one.over("a")
    told = 0
    for number in range(20):
        one.words("a", f"what time is it {number} please")
        told += one.changed() is not None
    assert told == MOST


def test_what_is_settled_is_guessed_no_more_and_the_next_turn_begins_anew() -> None:
    one = speaking()
    one.over("a")
    one.changed()
    one.settle("b")
    assert one.changed() is None
    one.settle("a")
    assert one.changed() == (None,)
    one.begin("b")
    one.words("a", "late words of the turn before")
    one.over("b")
    assert one.changed() is None
