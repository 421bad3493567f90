import pytest

from signaling.audio.ranges import Unsatisfiable, part, same

TAG = '"a"'


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-", range(100)),
        ("bytes=10-19", range(10, 20)),
        ("bytes=90-1000", range(90, 100)),
        ("bytes=-10", range(90, 100)),
        ("bytes=-1000", range(100)),
        ("Bytes= 1 - 2 ", range(1, 3)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=٣-", None),
        ("", None),
    ],
)
def test_one_range_is_read_and_what_is_none_is_all(header, wanted):
    assert part(header, "", TAG, 100) == wanted


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_after_the_end_cannot_be(header):
    with pytest.raises(Unsatisfiable):
        part(header, "", TAG, 100)


def test_a_range_of_another_version_is_all_of_this_one():
    assert part("bytes=0-1", TAG, TAG, 100) == range(2)
    for other in ('"b"', 'W/"a"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert part("bytes=0-1", other, TAG, 100) is None


@pytest.mark.parametrize(
    ("header", "verdict"), [("", False), (TAG, True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False)]
)
def test_who_has_it_need_not_fetch_it(header, verdict):
    assert same(header, TAG) is verdict
