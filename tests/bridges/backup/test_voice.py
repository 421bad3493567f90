"""Voices in a line."""

from bridges.backup.line import Line, Patience
from bridges.backup.voice import BackupVoice
from mediaserver.errors import BridgeError
from mediaserver.events import WordTime
from mediaserver.speech import Sound
from tests.bridges.backup.engines import Mouth

SECOND = Sound(bytes(32000))


async def test_the_first_voice_speaks() -> None:
    one, two = Mouth(SECOND), Mouth(SECOND)
    voice = BackupVoice(Line([one, two]), Patience())
    assert (voice.rate, voice.voices) == (16000, ("a",))
    assert [sound async for sound in voice.speak("Hello.")] == [SECOND]
    assert two.spoken == []


async def test_another_speaks_what_is_left_at_the_same_rate() -> None:
    words = (WordTime("One", 0, 400), WordTime("two", 400, 900))
    one = Mouth(Sound(SECOND.pcm, words), BridgeError("gone"))
    two = Mouth(Sound(bytes(48000), (WordTime("three.", 10, 500),)), rate=24000)
    voice = BackupVoice(Line([one, two]), Patience())
    sounds = [sound async for sound in voice.speak("One two three.")]
    assert two.spoken == ["three."]
    assert abs(sum(len(sound.pcm) for sound in sounds[1:]) - 32000) <= 64
    assert sounds[1].words == (WordTime("three.", 1010, 1500),)
    assert [sound.stand_in for sound in sounds[:2]] == [False, True]  # who keeps what the first says keeps no mixture


async def test_a_text_that_was_spoken_to_its_end_is_over() -> None:
    one, two = Mouth(SECOND, BridgeError("gone")), Mouth(SECOND)
    voice = BackupVoice(Line([one, two]), Patience())
    assert [sound async for sound in voice.speak("Yes.")] == [SECOND]
    assert two.spoken == []
