from bridges.stt.written import MAX_PIECES, Written
from mediaserver.speech import Partial


def test_what_is_final_stays_and_the_rest_is_replaced() -> None:
    written = Written()
    written.rest("hello wor")
    assert written.partial() == Partial("hello wor", 0)
    written.final("Hello world.")
    written.rest(" how")
    written.rest("how are")
    assert written.partial() == Partial("Hello world. how are", 12)
    written.final("")
    assert written.text == "Hello world."


def test_it_says_whether_the_turn_seems_over() -> None:
    written = Written()
    written.final("yes")
    written.ended = True
    assert written.partial() == Partial("yes", 3, ended=True)


def test_there_is_a_bound() -> None:
    written = Written()
    for number in range(MAX_PIECES + 1):
        written.final(str(number))
    assert len(written.text.split()) == MAX_PIECES
