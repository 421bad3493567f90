import pytest

from bridges.tts.voice_list import MOST, told_voices
from mediaserver.speech import VoiceFacts


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (b'{"voices": ["af_heart", "am_adam"]}', ["af_heart", "am_adam"]),
        (b'{"voices": [{"id": "a", "name": "Ann"}, {"voice_id": "b"}, {"name": "c"}]}', ["a", "b", "c"]),
        (b'{"data": [{"id": "a"}]}', ["a"]),
        (b'[{"voice_id": "x"}]', ["x"]),
        (b'{"voices": [1, null, {}, {"id": 5}, {"id": "a\\nb"}, "ok"]}', ["ok"]),
        (b'{"voices": {"a": 1}}', []),
        (b'"a"', []),
        (b"no json", []),
        (b"[" * 50_000, []),
    ],
)
def test_every_form_is_read(body: bytes, ids: list[str]) -> None:
    assert [voice.id for voice in told_voices(body)] == ids


def test_names_and_languages_are_kept_and_there_is_an_end() -> None:
    assert told_voices(b'[{"id": "a", "name": "Ann", "language": "en-GB"}]') == (VoiceFacts("a", "Ann", ("en-GB",)),)
    assert len(told_voices(b"[" + b'"a",' * 3000 + b'"a"]')) == MOST
