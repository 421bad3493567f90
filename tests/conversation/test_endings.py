import pytest

from mediaserver.conversation.endings import asks, dictated, ending
from mediaserver.conversation.words import words


@pytest.mark.parametrize(
    "text",
    ["i would like to", "because", "one more thing,", "well um", "the", "und dann die", "wait \u2014", "can you", "i need",
     "my name is", "he said that she", "je voudrais", "quiero", "that is very", "turn left and...",
     "you may", "may", "May", "on May", "so they may"],
)  # fmt: skip
def test_sentences_that_must_go_on(text: str) -> None:
    assert ending(text) == "open"


@pytest.mark.parametrize(
    "text",
    ["what time is it", "where are you from", "what can you do", "turn it on", "I said to.", "yes", "stop!", "mm-hmm",
     "i'm twenty five", "at three thirty", "for two", "what do you need", "tell me what you have", "yes it is",
     "yes i have", "please", "the second of may", "sometime in may", "it was on the fifth May"],
)  # fmt: skip
def test_sentences_that_may_be_over(text: str) -> None:
    assert ending(text) == "finished"


@pytest.mark.parametrize(
    ("text", "count"),
    [("my number is five five five", 3), ("thirty three four oh six ninety two", 7), ("j o h n", 4), ("it is 555", 3),
     ("555-12", 5), ("seis cinco cuatro", 3), ("a b 1 2", 4)],
)  # fmt: skip
def test_numbers_and_spelling_are_dictated(text: str, count: int) -> None:
    assert dictated(words(text)) == count
    assert ending(text) == "dictated"


def test_a_whole_telephone_number_may_be_over() -> None:
    assert ending("oh six one two three four five six seven eight") == "finished"
    assert ending("0612345678") == "finished"


def test_no_words_are_no_sentence() -> None:
    assert ending(" ... ") == "silent"


@pytest.mark.parametrize(
    ("text", "question"),
    [("is it open", True), ("wie sp\u00e4t ist es", True), ("it is open?", True), ("it is open", False), ("", False)],
)
def test_what_is_a_question(text: str, question: bool) -> None:
    assert asks(text) is question
