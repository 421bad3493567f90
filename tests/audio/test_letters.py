import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio.letters import letters, place_of


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("Hello.", 6), ("5 o'clock", 12), ("in 1998", 19), ("$25", 15), ("20%", 15)]
)
def test_numbers_are_longer_than_they_are_written(text: str, count: float) -> None:
    assert letters(text) == count


@pytest.mark.parametrize(
    ("spoken", "place"), [(0.0, 0.0), (3.0, 3.0), (5.0, 3.5), (11.0, 5.0), (12.0, 6.0), (99.0, 9.0)]
)
def test_where_in_the_text_somebody_is(spoken: float, place: float) -> None:
    assert place_of("at 12 you", spoken) == place


@given(st.text(alphabet="ab 12$.", max_size=30))
def test_all_of_it_is_all_of_it(text: str) -> None:
    assert place_of(text, letters(text)) == pytest.approx(len(text))
