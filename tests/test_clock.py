from mediaserver.clock import after, earliest, new_id


def test_the_earliest_of_what_is_waited_for() -> None:
    assert earliest(3.0, None, 1.5, 2.0) == 1.5
    assert earliest(None, 0.0) == 0.0
    assert earliest(None, None) is earliest() is None


def test_names_say_what_they_name_and_are_never_the_same() -> None:
    assert new_id("item").startswith("item_")
    assert new_id("item") != new_id("item")


def test_what_has_no_beginning_or_no_limit_has_no_end():
    assert after(10.0, 5.0) == 15.0
    assert after(None, 5.0) is after(10.0, None) is None
