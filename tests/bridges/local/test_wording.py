import pytest

from bridges.local.wording import speakable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It costs $29.95, or €1 or £3.00.", "It costs 29 dollars 95, or 1 euro or 3 pounds."),
        ("1,234,567 at 50% of 3.14", "1234567 at 50 percent of 3.14"),
        ("It is 14:07, not 9:30 or 8:00.", "It is 14 oh 7, not 9 30 or 8 o'clock."),
        ("5 < 6 & 7 > 3", "5 6 and 7 3"),
        ("-5 °C and 20°", "minus 5 degrees Celsius and 20 degrees"),
        ("2 * 3 = 6 and 1 + 1", "2 times 3 equals 6 and 1 plus 1"),
        ("mail bob@example.org", "mail bob at example dot org"),
        ("<speed level='500'>fast</speed>", "fast"),
        ("well-known e.g. this", "well-known e.g. this"),
        ("...", ""),
        ("\0", ""),
    ],
)
def test_english(text: str, said: str) -> None:
    assert speakable(text, "en-US") == said


def test_other_languages_lose_their_markup_only() -> None:
    assert speakable("50 % & <b>mehr</b>", "de-DE") == "50 % & mehr"
