from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest
from yarl import URL

from mediaserver.audio.speechfile import FORMATS
from mediaserver.cacheconfig import Cache
from mediaserver.config import Key, Secret
from mediaserver.errors import BridgeError
from signaling.audio import leaving
from tests.signaling.audio.stage import Mouth, Stage, stage

WHERE = "/v1/audio/speech"
GONE = BridgeError("gone", code="connection_lost")


async def speech(here: Stage, text: str = "one two", headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = {"model": "far", "voice": "ann", "input": text} | more
    return await here.ask("POST", WHERE, json=body, headers=headers or {})


@pytest.mark.parametrize(("form", "kind"), FORMATS.items())
async def test_content_types(form: str, kind: str) -> None:
    async with stage() as here:
        answer = await speech(here, response_format=form)
        assert answer.status == 200 and answer.headers["Content-Type"] == kind and await answer.read()


async def test_sound_comes_as_it_is_made() -> None:
    mouth = Mouth(wait=asyncio.Event())
    async with stage(mouth=mouth) as here:
        answer = await speech(here, "one wait", response_format="pcm")
        assert len(await answer.content.readany()) > 4000
        mouth.wait.set()  # type: ignore[union-attr]
        assert len(await answer.read()) > 4000


async def test_events_of_sound() -> None:
    async with stage() as here:
        answer = await speech(here, stream_format="sse", response_format="pcm")
        events = [json.loads(line.removeprefix("data: ")) for line in (await answer.text()).strip().split("\n\n")]
    assert answer.content_type == "text/event-stream"
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert len(b"".join(base64.b64decode(event["audio"]) for event in events[:-1])) == 2 * 2400 * 2
    assert events[-1]["type"] == "speech.audio.done" and set(events[-1]["usage"]) == {
        "input_tokens",
        "output_tokens",
        "total_tokens",
    }


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({"input": ""}, "input", "is empty"),
        ({"input": "x" * 1_000_000}, "input", "1000000 characters"),
        ({"input": "ü" * 1_000_000}, "input", "1000000 characters"),
        ({"input": "..."}, "input", "send words"),
        ({"voice": "nobody"}, "voice", "ann, bob"),
        ({"response_format": "doc"}, "response_format", "mp3, opus"),
        ({"speed": 5}, "speed", "4.0"),
        ({"model": "none"}, "model", "far"),
    ],
)
async def test_what_cannot_be_is_refused(body: dict[str, Any], param: str, said: str) -> None:
    async with stage() as here:
        answer = await speech(here, **body)
        error = (await answer.json())["error"]
    assert answer.status in (400, 404) and error["param"] == param and said in error["message"]
    assert all(text == "..." for text, *_ in here.mouth.said)


async def test_another_content_type() -> None:
    async with stage() as here:
        assert (await here.ask("POST", WHERE, data={"input": "x"})).status == 415


async def test_a_failure_before_the_first_sound_is_an_error() -> None:
    async with stage(mouth=Mouth(fails=GONE)) as here:
        answer = await speech(here, "fail one")
        assert answer.status == 503 and (await answer.json())["error"]["code"] == "connection_lost"


async def test_a_failure_after_it_cuts_the_connection() -> None:
    async with stage(mouth=Mouth(fails=GONE)) as here:
        answer = await speech(here, "one two fail", response_format="pcm")
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_a_failure_among_events_is_an_event() -> None:
    async with stage(mouth=Mouth(fails=GONE)) as here:
        answer = await speech(here, "one fail", stream_format="sse", response_format="pcm")
        last = json.loads((await answer.text()).strip().split("\n\n")[-1].removeprefix("data: "))
        assert last["type"] == "error" and last["error"]["code"] == "connection_lost"


async def test_a_client_that_leaves_stops_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LOOK_S", 0.01)
    mouth = Mouth(wait=asyncio.Event())
    async with stage(mouth=mouth) as here:
        answer = await speech(here, "one wait", response_format="pcm")
        await answer.content.readany()
        answer.close()
        async with asyncio.timeout(5):
            while not mouth.stopped:
                await asyncio.sleep(0.01)


async def test_one_more_than_the_server_takes() -> None:
    mouth = Mouth(wait=asyncio.Event())
    async with stage(mouth=mouth, max_speech=1) as here:
        first = await speech(here, "one wait", response_format="pcm")
        assert (await speech(here)).status == 503
        mouth.wait.set()  # type: ignore[union-attr]
        await first.read()
        assert (await speech(here)).status == 200


async def test_the_voice_of_who_names_none() -> None:
    async with stage(speech={"far": {"voice": "bob"}}) as here:
        await here.ask("POST", WHERE, json={"input": "one"})
        assert here.mouth.said[0][1] == "bob"


async def test_what_was_spoken_once_is_not_spoken_again_for_the_same_key() -> None:
    keys = (Key(name="ann", key=Secret("sk-ann")),)
    async with stage(cache=Cache(), keys=keys) as here:
        came = [await speech(here, "one two", response_format="pcm") for _ in range(2)]
        came.append(await speech(here, "one two", response_format="pcm", headers={"Cache-Control": "no-cache"}))
        came.append(await speech(here, "one two", response_format="pcm", headers={"Authorization": "Bearer sk-ann"}))
        assert [answer.headers["X-Cache"] for answer in came] == ["miss", "hit", "miss", "miss"]
        assert len({await answer.read() for answer in came}) == 1 and len(here.mouth.said) == 3


async def test_an_address_instead_of_the_sound() -> None:
    async with stage(cache=Cache()) as here:
        link = await (await speech(here, stream_format="url", response_format="wav")).json()
        assert link["object"] == "audio.link" and link["expires_at"] > 0
        fetched = await here.fixture.client.get(URL(link["url"]).relative())
        assert fetched.content_type == "audio/wav" and (await fetched.read()).startswith(b"RIFF")
        again = await (await speech(here, stream_format="url", response_format="wav")).json()
        assert again["url"] == link["url"] and len(here.mouth.said) == 1
        assert (await speech(here, "...", stream_format="url")).status == 400


async def test_without_a_cache_there_are_no_addresses() -> None:
    async with stage() as here:
        answer = await speech(here, stream_format="url")
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "links_unavailable")
