from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import FormData

from mediaserver.cacheconfig import Cache
from mediaserver.config import Key, Secret
from mediaserver.errors import BridgeError
from signaling.audio import leaving
from tests.signaling.audio.stage import HUM, Ears, Stage, stage

WHERE = "/v1/audio/transcriptions"


def form(*pairs: tuple[str, str], sound: bytes = HUM) -> FormData:
    data = FormData()
    for name, value in pairs if any(name == "model" for name, _ in pairs) else (("model", "far"), *pairs):
        data.add_field(name, value)
    data.add_field("file", io.BytesIO(sound), filename="a.wav")
    return data


async def refused(here: Stage, *pairs: tuple[str, str], path: str = WHERE) -> tuple[int, Any]:
    answer = await here.ask("POST", path, data=form(*pairs))
    return answer.status, (await answer.json())["error"]


@pytest.mark.parametrize(
    ("form_name", "kind"),
    [("json", "application/json"), ("text", "text/plain"), ("srt", "text/plain"), ("vtt", "text/vtt")],
)
async def test_content_types(form_name: str, kind: str) -> None:
    async with stage() as here:
        answer = await here.ask("POST", WHERE, data=form(("response_format", form_name)))
        assert answer.status == 200 and answer.content_type == kind and answer.charset == "utf-8"


async def test_the_default_model_and_an_alias() -> None:
    async with stage(aliases={"whisper-1": "far"}) as here:
        for model in ("", "whisper-1"):
            assert (await here.ask("POST", WHERE, data=form(("model", model)))).status == 200


@pytest.mark.parametrize(
    ("features", "pairs", "param"),
    [
        (
            {"segments"},
            [("timestamp_granularities[]", "word"), ("response_format", "verbose_json")],
            "timestamp_granularities",
        ),
        ({"words"}, [("language", "de")], "language"),
        (set(), [("response_format", "diarized_json")], "response_format"),
    ],
)
async def test_what_the_engine_cannot_is_refused_before_it_is_asked(features: Any, pairs: Any, param: str) -> None:
    async with stage(Ears(file_features=frozenset(features))) as here:
        status, error = await refused(here, *pairs)
        assert (status, error["param"], error["code"]) == (400, param, "unsupported_by_model") and not here.ears.asks


async def test_a_form_without_a_file() -> None:
    data = FormData(default_to_multipart=True)
    data.add_field("model", "far")
    async with stage() as here:
        answer = await here.ask("POST", WHERE, data=data)
        error = (await answer.json())["error"]
        assert (answer.status, error["param"]) == (400, "file") and "send it in" in error["message"]


async def test_keys_are_held_to_scopes_and_models() -> None:
    keys = (
        Key(name="calls", key=Secret("sk-calls"), scopes=("calls:create",)),
        Key(name="echo", key=Secret("sk-echo"), models=("echo",)),
    )
    async with stage(keys=keys) as here:
        for key, status, code in (
            ("sk-calls", 403, "missing_scope"),
            ("sk-echo", 403, "model_not_allowed"),
            ("sk-none", 401, "invalid_api_key"),
        ):
            headers = {"Authorization": f"Bearer {key}"}
            answer = await here.ask("POST", WHERE, headers=headers, data=form())
            assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)
        assert not here.ears.asks


@pytest.mark.parametrize(
    ("failure", "status"),
    [(BridgeError("busy", code="rate_limited", retry_after=7), 503), (BridgeError("no", code="unauthorized"), 502)],
)
async def test_an_engine_that_fails(failure: BridgeError, status: int, caplog: pytest.LogCaptureFixture) -> None:
    async with stage(Ears(fails=failure)) as here:
        answer = await here.ask("POST", WHERE, data=form())
        assert answer.status == status and (await answer.json())["error"]["type"] == "server_error"
        assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)
    said = [record for record in caplog.records if record.message == "the audio API failed"]
    assert len(said) == 1 and "Hello" not in str(vars(said[0]))


async def test_a_stream_that_breaks_says_so() -> None:
    async with stage(Ears(fails=BridgeError("gone", code="connection_lost"))) as here:
        answer = await here.ask("POST", WHERE, data=form(("stream", "true")))
        lines = (await answer.text()).strip().split("\n\n")
        assert answer.content_type == "text/event-stream" and lines[-1] == "data: [DONE]"
        events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
        assert [event["type"] for event in events] == ["transcript.text.delta", "error"]
        assert events[1]["error"]["code"] == "connection_lost"


async def test_a_stream_that_never_begins_is_an_error_of_its_own() -> None:
    ears = Ears(fails=BridgeError("no", code="unauthorized"), file_features=frozenset())
    async with stage(ears) as here:
        status, error = await refused(here, ("stream", "true"))
        assert (status, error["code"]) == (502, "unauthorized")


async def test_one_more_than_the_server_takes() -> None:
    ears = Ears(wait=asyncio.Event())
    async with stage(ears, max_transcriptions=1) as here, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(here.ask("POST", WHERE, data=form()))
        while not ears.at_once:
            await asyncio.sleep(0.01)
        answer = await here.ask("POST", WHERE, data=form())
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        ears.wait.set()  # type: ignore[union-attr]
        assert (await first).status == 200


async def test_a_client_that_leaves_stops_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LOOK_S", 0.01)
    ears = Ears(wait=asyncio.Event())
    async with stage(ears) as here:
        with pytest.raises(asyncio.TimeoutError):
            await here.ask("POST", WHERE, data=form(), timeout=aiohttp.ClientTimeout(total=0.3))
        async with asyncio.timeout(5):
            while not ears.stopped:
                await asyncio.sleep(0.01)


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    ears = Ears(wait=asyncio.Event())
    async with stage(ears, answer_s=0.1) as here:
        status, error = await refused(here)
        assert (status, error["code"], ears.at_once) == (503, "timeout", 0)


async def test_before_the_house_is_open() -> None:
    async with stage() as here:
        here.fixture.door.accepting = False
        status, error = await refused(here)
        assert (status, error["code"]) == (503, "draining")


async def test_azures_deployment_is_the_model() -> None:
    async with stage(Ears(), None) as here:
        status, error = await refused(here, path="/openai/deployments/none/audio/transcriptions?api-version=2024-10-21")
        assert (status, error["code"]) == (404, "model_not_found")
        answer = await here.ask("POST", "/openai/deployments/far/audio/translations", data=form(("model", "x")))
        assert answer.status == 200


async def test_a_client_that_leaves_in_the_middle_of_its_file(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as here:
        url = here.fixture.client.make_url(WHERE)
        _, writer = await asyncio.open_connection(url.host, url.port)
        head = (
            f"POST {WHERE} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nAuthorization: Bearer sk-local\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        )
        writer.write(head.encode() + bytes(1000))
        await writer.drain()
        while not here.studio.transcribing.inside:
            await asyncio.sleep(0.01)
        writer.close()
        async with asyncio.timeout(5):
            while here.studio.transcribing.inside:
                await asyncio.sleep(0.01)
    assert not [record for record in caplog.records if record.name.startswith("signaling")]


async def test_a_transcript_is_kept_where_the_operator_wants_it() -> None:
    for cache, asked in ((Cache(), 2), (Cache(transcripts=True), 1)):
        async with stage(cache=cache) as here:
            texts = [(await (await here.ask("POST", WHERE, data=form())).json())["text"] for _ in range(2)]
            assert texts == [here.ears.text] * 2 and len(here.ears.asks) == asked
