from __future__ import annotations

from mediaserver.audio.packets import Packet
from mediaserver.conversation.phrases import MAX_PHRASES, MAX_S, Phrases
from tests.fakes.caller import tone


def test_a_sentence_at_the_rate_that_is_asked_for() -> None:
    phrases = Phrases(24000)
    phrases.add("Hello.", tone(1000, 24000))
    assert phrases.pcm("Hello.", 24000) == tone(1000, 24000)
    lower = phrases.pcm("Hello.", 8000)
    assert lower is not None
    assert abs(len(lower) - 16000) <= 2 * 20
    assert phrases.pcm("Hello.", 8000) is lower
    assert phrases.pcm("Who?", 8000) is None


def test_what_a_voice_speaks_at_another_rate_is_brought_to_this_one() -> None:
    sound = Phrases(24000).from_rate(16000)(tone(500, 16000))
    assert abs(len(sound) - 24000) <= 2 * 48


def test_a_sentence_as_packets_is_the_same_for_all_calls() -> None:
    phrases, packets = Phrases(24000), (Packet(b"1", -20.0), Packet(b"2", -20.0))
    phrases.add("Hello.", tone(40, 24000), packets)
    phrases.add("Plain.", tone(40, 24000))
    assert phrases.packets("Hello.") == packets
    assert phrases.packets("Hello.") is phrases.packets("Hello.")
    assert phrases.packets("Plain.") == phrases.packets("Who?") == ()
    phrases.add("Long.", b"12", packets * 1000)
    assert len(phrases.packets("Long.")) == MAX_S * 50


def test_bounds() -> None:
    phrases = Phrases(8000, {"long": b""})
    phrases.add("long", bytes(8000 * 2 * (MAX_S + 5)))
    kept = phrases.pcm("long", 8000)
    assert kept is not None
    assert len(kept) == 8000 * 2 * MAX_S
    for number in range(MAX_PHRASES + 5):
        phrases.add(str(number), b"12")
    assert phrases.pcm(str(MAX_PHRASES + 4), 8000) is None
