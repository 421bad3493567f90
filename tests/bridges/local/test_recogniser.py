import asyncio

import pytest

from bridges.local.recogniser import open_recogniser
from bridges.options import LocalRecogniser
from tests import clips

pytestmark = [pytest.mark.engines, pytest.mark.alone]


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
