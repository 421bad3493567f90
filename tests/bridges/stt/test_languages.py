import pytest

from bridges.stt.languages import NAMES, code


@pytest.mark.parametrize(
    ("said", "is_"),
    [
        ("english", "en"),
        ("English", "en"),
        ("haitian creole", "ht"),
        ("cantonese", "yue"),
        ("castilian", "es"),
        ("en", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("cmn-Hans-CN", "zh"),
        ("iw-IL", "he"),
        ("haw", "haw"),
        ("", None),
        (None, None),
        ("klingon", None),
        ("en-\u00e9", None),
    ],
)
def test_a_language_has_one_code(said: str | None, is_: str | None) -> None:
    assert code(said) == is_


def test_every_name_has_a_code() -> None:
    assert len(NAMES) > 100 and all(2 <= len(value) <= 3 and value.isalpha() for value in NAMES.values())
