from mediaserver.remember import remember


def test_beyond_the_bound_the_oldest_is_forgotten() -> None:
    kept: dict[str, int] = {}
    for number, key in enumerate("abcd"):
        remember(kept, key, number, 3)
    assert list(kept.items()) == [("b", 1), ("c", 2), ("d", 3)]


def test_a_new_value_does_not_make_a_key_younger() -> None:
    kept = {"a": 1, "b": 2}
    remember(kept, "a", 3, 2)
    remember(kept, "c", 4, 2)
    assert kept == {"b": 2, "c": 4}
