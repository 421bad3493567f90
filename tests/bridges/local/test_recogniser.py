import asyncio

import pytest

from bridges.local.recogniser import open_recogniser
from bridges.options import LocalRecogniser
from mediaserver.audio.wav import whole_wav
from mediaserver.errors import Unsupported
from mediaserver.speech import SoundFile
from tests import clips
from tests.bridges.stt.engines import write_down

pytestmark = pytest.mark.engines


@pytest.mark.alone
async def test_leaving_a_turn_frees_the_worker_and_a_turn_has_a_longest_length() -> None:
    speech = clips.clip("english123").pcm + bytes(16000)
    async with open_recogniser(LocalRecogniser(workers=1, max_turn_s=30)) as recogniser:
        await asyncio.wait_for(recogniser.warm(), 20)
        async with recogniser.utterance(lambda partial: None) as left:
            left.feed(speech)
        async with recogniser.utterance(lambda partial: None) as utterance:
            utterance.feed(bytes(9600) + speech)
            utterance.feed(bytes(40 * 32000))
            transcript = await asyncio.wait_for(utterance.finish(), 30)
    assert transcript.text == "one two three"
    assert transcript.usage is not None
    assert transcript.usage.seconds == 30


async def test_a_file_is_written_down_with_times_in_the_language_it_knows() -> None:
    clip = clips.clip("cards_003")
    sound = SoundFile(whole_wav(clip.pcm, clips.RATE), "wav", clip.seconds)
    async with open_recogniser(LocalRecogniser(workers=1)) as recogniser:
        pieces, told = await asyncio.wait_for(write_down(recogniser, sound, words=True, language="en-US"), 30)
        for wanted in ({"language": "de"}, {"segments": True}):
            with pytest.raises(Unsupported):
                await write_down(recogniser, sound, **wanted)
    assert (pieces, told.text, told.language) == ([], "seven of clubs", "en")
    assert [word.text for word in told.words] == ["seven", "of", "clubs"]
    assert told.duration is not None and told.usage is not None
    assert told.duration == told.usage.seconds == pytest.approx(clip.seconds)
    assert (sound.kind, recogniser.file_limits.max_seconds) == (*recogniser.file_limits.kinds, 30.0)
