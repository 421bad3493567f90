import base64
import json

import pytest

from bridges.tts.elevenlabs import timed as module
from bridges.tts.elevenlabs.timed import Timed
from mediaserver.errors import BridgeError
from mediaserver.events import WordTime
from mediaserver.speech import Sound


def line(pcm: bytes, text: str = "", start: float = 0.0) -> bytes:
    times = [start + 0.01 * each for each in range(len(text))]
    alignment = {
        "characters": list(text),
        "character_start_times_seconds": times,
        "character_end_times_seconds": [each + 0.01 for each in times],
    }
    return json.dumps(
        {"audio_base64": base64.b64encode(pcm).decode(), "alignment": alignment if text else None}
    ).encode()


def test_lines_cut_anywhere_are_sound_with_words_in_the_time_of_the_text() -> None:
    body = b"\n".join((line(b"abc", "Hi A"), b"", line(b"d"), line(b"ef", "da", 0.5)))
    timed = Timed(16000)
    sounds = [sound for at in range(0, len(body), 7) for sound in timed.feed(body[at : at + 7])]
    sounds += timed.end()
    assert b"".join(sound.pcm for sound in sounds) == b"abcdef"
    assert [word for sound in sounds for word in sound.words] == [WordTime("Hi", 0, 20), WordTime("Ada", 30, 520)]


@pytest.mark.parametrize("junk", [b"[1]", b'{"audio_base64": 7}', b'{"audio_base64": "!"}', b"{" * 100_000])
def test_nonsense_ends_it(junk: bytes) -> None:
    with pytest.raises(BridgeError) as failed:
        list(Timed(16000).feed(junk + b"\n"))
    assert failed.value.code == "protocol_error"


def test_a_line_without_an_end_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE", 10)
    timed = Timed(16000)
    assert list(timed.feed(b"x" * 10)) == []
    with pytest.raises(BridgeError) as failed:
        list(timed.feed(b"x"))
    assert failed.value.code == "too_large"
    assert list(Timed(16000).end()) == [] and list(Timed(16000).feed(line(b"ab") + b"\n")) == [Sound(b"ab")]


def test_a_voice_that_does_not_come_to_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.001)
    timed = Timed(16000)
    assert list(timed.feed(line(bytes(32)) + b"\n")) == [Sound(bytes(32))]
    with pytest.raises(BridgeError) as failed:
        list(timed.feed(line(bytes(2)) + b"\n"))
    assert failed.value.code == "too_large"
