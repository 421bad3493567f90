from bridges.local.steady import Steady


def test_a_hypothesis_is_told_when_it_changed() -> None:
    steady = Steady()
    assert steady.look([]) is None
    assert steady.look(["one"]) == {"text": "one", "stable": 0}
    assert steady.look(["one"]) is None
    assert steady.look(["one", "two"]) == {"text": "one two", "stable": 0}


def test_words_that_stood_for_six_looks_are_stable_and_a_change_takes_that_back() -> None:
    steady = Steady()
    for _ in range(6):
        steady.look(["one"])
    assert steady.look(["one", "two"]) == {"text": "one two", "stable": 3}
    for _ in range(6):
        steady.look(["one", "two"])
    assert steady.look(["one", "two", "three"]) == {"text": "one two three", "stable": 7}
    assert steady.look(["won", "two", "three"]) == {"text": "won two three", "stable": 0}
