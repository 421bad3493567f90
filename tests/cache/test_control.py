import pytest

from mediaserver.cache.control import MISS, SHARED, USUAL, Control, Outcome, answer_headers, read_control


@pytest.mark.parametrize(
    ("header", "control"),
    [
        ("", USUAL),
        ("no-cache", Control(no_cache=True)),
        ("No-Store", Control(no_store=True)),
        ("max-age=60, no-store", Control(no_store=True, max_age=60)),
        ("max-age=0", Control(max_age=0)),
        ('max-age="5"', Control(max_age=5)),
        ("max-age=5, max-age=9", Control(max_age=5)),
        ("max-age=-1", USUAL),
        ("max-age=1e3", USUAL),
        ("max-age=٣", USUAL),
        ("max-age=99999999999999999999", USUAL),
        ("max-stale, only-if-cached, ,=,no-transform=1", USUAL),
    ],
)
def test_a_header_says_what_is_wanted(header, control):
    assert read_control(header) == control
    assert control.alone is (control != USUAL)


def test_an_answer_says_how_it_came_to_be():
    assert answer_headers(MISS, USUAL, 60.0) == {"X-Cache": "miss", "Cache-Control": "private, max-age=60"}
    assert answer_headers(SHARED, USUAL, 60.0)["Age"] == "0"
    assert answer_headers(Outcome("hit", 12.9), USUAL, 60.0) == {
        "X-Cache": "hit",
        "Cache-Control": "private, max-age=60",
        "Age": "12",
    }
    assert answer_headers(MISS, Control(no_store=True), 60.0)["Cache-Control"] == "no-store"
