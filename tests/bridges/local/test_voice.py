import pytest

from bridges.local.voice import LONGEST_CHARS, Voice, open_voice
from bridges.options import LocalVoice
from mediaserver.errors import BridgeError

pytestmark = pytest.mark.engines


async def said(engine: Voice, text: str, voice: str = "", speed: float = 1.0) -> bytes:
    return b"".join([sound.pcm async for sound in engine.speak(text, voice=voice, speed=speed)])


async def test_the_voice_speaks_in_small_pieces_and_at_the_pace_that_is_asked() -> None:
    async with open_voice(LocalVoice()) as voice:
        await checks(voice)


async def checks(voice: Voice) -> None:
    pieces = [sound.pcm async for sound in voice.speak("Good morning to all of you, how are you today?")]
    assert all(0 < len(piece) <= voice.rate * 2 // 5 for piece in pieces)
    slow, fast = [len(await said(voice, "Good morning to all of you.", speed=speed)) for speed in (0.7, 1.5)]
    assert slow > 1.5 * fast
    assert await said(voice, "...") == b""
    default, unknown = [len(await said(voice, "Hello", voice=name)) for name in (voice.voices[0], "nobody")]
    assert abs(default - unknown) < voice.rate // 10
    assert len(await said(voice, "one two three " * (LONGEST_CHARS // 10))) > len(await said(voice, "one two three"))


async def test_a_machine_without_a_voice_says_so() -> None:
    async with open_voice(LocalVoice(engine_order=("nonesuch",))) as voice:
        assert voice.voices == ("en-US",)
        with pytest.raises(BridgeError) as missing:
            await said(voice, "hello")
    assert (missing.value.code, missing.value.retryable) == ("engine_missing", False)
