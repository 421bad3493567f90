import asyncio
from contextlib import aclosing

from bridges.http import Request, open_http
from bridges.options import Remote
from bridges.refusals import said
from bridges.tts.incoming import Incoming
from bridges.tts.spoken import spoken
from tests.servers.openai_speech import openai_speech
from tests.servers.speaking import sound_of


def request(text: str) -> Request:
    asked = {"model": "m", "voice": "v", "input": text, "response_format": "pcm"}
    return Request("POST", "audio/speech", json=asked)


async def test_answers_follow_each_other_and_the_next_is_asked_for_after_the_one_before() -> None:
    async with (
        openai_speech() as server,
        open_http(Remote(), server.url, headers={}, who="the voice", said=said) as http,
    ):
        made = spoken(http, map(request, ("One", "Two")), lambda: Incoming(24000, 24000))
        async with aclosing(made) as sounds:
            first = [await anext(sounds)]
            assert len(server.asked) == 1
            heard = b"".join(sound.pcm for sound in [*first, *[sound async for sound in sounds]])
        assert heard == sound_of("One", 24000) + sound_of("Two", 24000)


async def test_leaving_it_leaves_the_rest_unasked_for() -> None:
    async with openai_speech(hold=True) as server:
        async with open_http(Remote(), server.url, headers={}, who="the voice", said=said) as http:
            made = spoken(http, map(request, ("One", "Two")), lambda: Incoming(24000, 24000))
            async with aclosing(made) as sounds:
                await anext(sounds)
            async with asyncio.timeout(5):
                await server.left.wait()
        assert len(server.asked) == 1
