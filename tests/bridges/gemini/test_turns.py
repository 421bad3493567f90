from bridges.gemini.turns import MAX_WORDS, Turns
from mediaserver.events import InputCommitted, TranscriptFinal


def test_a_turn_follows_the_one_before() -> None:
    turns = Turns()
    first, _ = turns.said("one", finished=True)
    second, final = turns.said("two", finished=True)
    assert isinstance(first, InputCommitted)
    assert isinstance(second, InputCommitted)
    assert (first.previous_item_id, second.previous_item_id) == (None, first.item_id)
    assert final == TranscriptFinal(second.item_id, "two")


def test_silence_is_no_turn() -> None:
    turns = Turns()
    assert turns.said(" ", finished=True) == ()
    assert turns.answered(asked=True) == ()
    assert not turns.waiting


def test_an_answer_that_was_asked_for_takes_no_turn_unless_something_was_said() -> None:
    turns = Turns()
    assert turns.answered(asked=True) == ()
    turns.said("wait", finished=False)
    assert turns.waiting
    (taken,) = turns.answered(asked=True)
    assert isinstance(taken, InputCommitted)
    assert not turns.waiting


def test_words_nobody_wants_are_not_told() -> None:
    turns = Turns()
    turns.written = False
    (taken,) = turns.taken()
    assert isinstance(taken, InputCommitted)
    assert turns.said("secret", finished=False) == ()
    assert turns.over() == ()


def test_a_turn_holds_so_many_words() -> None:
    turns = Turns()
    for _ in range(3):
        turns.said("a" * MAX_WORDS, finished=False)
    *_, final = turns.said("", finished=True)
    assert isinstance(final, TranscriptFinal)
    assert len(final.text) == MAX_WORDS
