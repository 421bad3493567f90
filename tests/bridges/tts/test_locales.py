import pytest

from bridges.tts.locales import chosen, locale_of


@pytest.mark.parametrize(
    ("voice", "locale"),
    [
        ("en-US-JennyNeural", "en-US"),
        ("de-DE-Chirp3-HD-Kore", "de-DE"),
        ("cmn-CN-Wavenet-A", "cmn-CN"),
        ("zh-CN-shandong-YunxiangNeural", "zh-CN-shandong"),
        ("sr-Latn-RS-NicholasNeural", "sr-Latn-RS"),
        ("es-419-Neural2-A", "es-419"),
        ("en-US-Ava:DragonHDLatestNeural", "en-US"),
        ("alloy", ""),
        ("en-US", ""),
        ("en-US-<x>", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_name(voice: str, locale: str) -> None:
    assert locale_of(voice) == locale


def test_a_name_that_is_none_of_theirs_is_the_default() -> None:
    known = ("en-US-A1", "MyOwnVoice")
    assert [chosen(name, known) for name in ("", "alloy", "MyOwnVoice", "fr-FR-B2")] == [
        "en-US-A1",
        "en-US-A1",
        "MyOwnVoice",
        "fr-FR-B2",
    ]
