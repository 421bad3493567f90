from mediaserver.conversation.limits import Limits


def test_what_is_not_limited_is_never_due():
    assert Limits(max_duration_s=None, idle_s=None).due(10.0, 20.0) == (None, None)
    assert Limits(max_duration_s=60.0, idle_s=5.0).due(10.0, None) == (70.0, None), "an echo is never idle"


def test_counts_from_the_start_and_from_the_last_sign_of_life():
    assert Limits(max_duration_s=60.0, idle_s=5.0).due(10.0, 20.0) == (70.0, 25.0)
