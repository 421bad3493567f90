from bridges.llm.signatures import Signatures


def test_keeps_what_came_with_a_call() -> None:
    kept = Signatures()
    kept.keep("a", "one")
    kept.keep("a", "two")
    assert (kept.get("a"), kept.get("b")) == ("two", None)


def test_the_oldest_are_forgotten() -> None:
    few, short = Signatures(most_calls=2), Signatures(most_chars=5)
    for name in "abc":
        few.keep(name, "one")
        short.keep(name, "one")
    assert [few.get(name) for name in "abc"] == [None, "one", "one"]
    assert [short.get(name) for name in "abc"] == [None, None, "one"]
