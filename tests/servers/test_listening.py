"""The ear of the simulators: what they write down is what was said, however it came."""

from __future__ import annotations

from tests.servers import toned
from tests.servers.listening import Hearing, words


def test_it_hears_what_was_said_in_any_pieces() -> None:
    pcm = toned.speak(3, 4, 16000) + toned.speak(7, 2, 16000)
    whole = words(pcm)
    assert [each.text for each in whole] == ["s3w0", "s3w1", "s3w2", "s3w3", "s7w0", "s7w1"]
    assert (whole[1].start, whole[-1].end) == (0.27, 1.87)
    hearing = Hearing()
    for start in range(0, len(pcm), 642):
        hearing.feed(pcm[start : start + 642])
        assert [each.text for each in hearing.words] == [each.text for each in whole][: len(hearing.words)]
    assert hearing.words == whole


def test_silence_and_a_new_beginning() -> None:
    hearing = Hearing()
    hearing.feed(bytes(32000))
    assert hearing.words == []
    hearing.feed(toned.speak(1, 1, 16000))
    assert hearing.text == "s1w0"
    hearing.clear()
    assert (hearing.text, hearing.size) == ("", 0)
