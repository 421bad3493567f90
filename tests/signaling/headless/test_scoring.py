import pytest

from signaling.headless.scoring import word_error_rate


@pytest.mark.parametrize(
    ("expected", "heard", "rate"),
    [
        ("go forward ten meters", "Go forward, ten meters.", 0.0),
        ("go forward ten meters", "go forward and majors", 0.5),
        ("ten of clubs", "ten of", 1 / 3),
        ("ten", "ten of clubs", 2.0),
        ("", "", 0.0),
        ("", "noise", 1.0),
        ("a b c", "", 1.0),
    ],
)
def test_word_error_rate(expected, heard, rate):
    assert word_error_rate(expected, heard) == pytest.approx(rate)
