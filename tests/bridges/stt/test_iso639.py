import pytest

from bridges.stt.iso639 import short


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("eng", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("DE", "de"),
        ("yue", "yue"),
        ("ceb", "ceb"),
        ("", None),
        (None, None),
    ],
)
def test_short(code: str | None, expected: str | None) -> None:
    assert short(code) == expected
