import pytest

from signaling.audio.languages import language_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("en", "english"),
        ("en-GB", "english"),
        ("ht", "haitian creole"),
        ("xx", "xx"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_language_has_its_english_name(code: str | None, name: str) -> None:
    assert language_name(code) == name
