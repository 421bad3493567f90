from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from mediaserver.config import Key, Secret
from tests.signaling.audio.stage import HUM, Mouth, Stage, stage

WHERE = "/v1/audio/batches"


def texts(*said: str, **body: Any) -> dict[str, Any]:
    return {
        "requests": [{"custom_id": text, "body": {"input": text, "response_format": "pcm"} | body} for text in said]
    }


def files(*names: str, **fields: str) -> FormData:
    data = FormData(default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    for name in names:
        data.add_field("file", io.BytesIO(HUM), filename=name)
    return data


async def finished(here: Stage, made: Any) -> Any:
    assert made.status == 201, await made.text()
    batch = await made.json()
    async with asyncio.timeout(5):
        while batch["status"] == "in_progress":
            await asyncio.sleep(0.01)
            batch = await (await here.ask("GET", f"{WHERE}/{batch['id']}")).json()
    return batch


async def test_many_texts(tmp_path: Path) -> None:
    async with stage(folder=tmp_path) as here:
        batch = await finished(here, await here.ask("POST", WHERE, json=texts("one", "...", "one two")))
        assert batch["request_counts"] == {"total": 3, "completed": 2, "failed": 1} and batch["object"] == "audio.batch"
        assert [(each["custom_id"], each["status"]) for each in batch["results"]] == [
            ("one", "completed"),
            ("...", "failed"),
            ("one two", "completed"),
        ]
        answer = await here.ask("GET", batch["results"][2]["url"])
        assert answer.headers["Content-Type"] == "audio/pcm" and len(await answer.read()) == 2 * 2400 * 2
        assert (await here.ask("GET", f"{WHERE}/{batch['id']}/results/1")).status == 404
        listed = (await (await here.ask("GET", WHERE)).json())["data"]
        assert [each["id"] for each in listed] == [batch["id"]] and "results" not in listed[0]


async def test_texts_as_json_lines(tmp_path: Path) -> None:
    lines = "\n".join(
        json.dumps({"custom_id": f"r{n}", "method": "POST", "url": "/v1/audio/speech", "body": {"input": "one"}})
        for n in range(3)
    )
    async with stage(folder=tmp_path) as here:
        made = await here.ask("POST", WHERE, data=lines.encode(), headers={"Content-Type": "application/jsonl"})
        assert (await finished(here, made))["request_counts"]["completed"] == 3


async def test_many_files(tmp_path: Path) -> None:
    async with stage(folder=tmp_path) as here:
        data = files("a.wav", "b.wav", model="far", response_format="srt")
        batch = await finished(here, await here.ask("POST", WHERE, data=data))
        assert batch["endpoint"] == "/v1/audio/transcriptions" and batch["request_counts"]["completed"] == 2
        assert [each["custom_id"] for each in batch["results"]] == ["a.wav", "b.wav"]
        text = await (await here.ask("GET", batch["results"][0]["url"])).text()
        assert text.startswith("1\n00:00:00,100")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (texts(), "requests"),
        (texts("one", "two", "three", "four"), "requests"),
        (texts("one", ""), "requests[1].body.input"),
        (texts("one", speed=9), "requests[0].body.speed"),
        (texts("one", model="none"), "model"),
        (texts("one", stream_format="sse"), "requests[0].body.stream_format"),
        ({"requests": [{"body": {}, "url": "/v1/chat/completions"}]}, "requests[0].url"),
        ({"request": []}, "request"),
    ],
)
async def test_texts_that_cannot_be_are_refused_and_leave_nothing(tmp_path: Path, body: Any, param: str) -> None:
    async with stage(folder=tmp_path, batch={"max_items": 3}) as here:
        answer = await here.ask("POST", WHERE, json=body)
        assert answer.status in (400, 404) and (await answer.json())["error"]["param"] == param
    assert list(tmp_path.iterdir()) == [] and not here.mouth.said


@pytest.mark.parametrize(
    ("data", "param"),
    [
        (files(model="far"), "file"),
        (files("a.wav", stream="true"), "stream"),
        (files("a.wav", task="sing"), "task"),
        (files("a.wav", task="translate", language="de"), "language"),
        (files("a.wav", "b.wav", "c.wav", "d.wav"), "file"),
    ],
)
async def test_files_that_cannot_be_are_refused_and_leave_nothing(tmp_path: Path, data: FormData, param: str) -> None:
    async with stage(folder=tmp_path, batch={"max_items": 3}) as here:
        answer = await here.ask("POST", WHERE, data=data)
        assert (answer.status, (await answer.json())["error"]["param"]) == (400, param)
    assert list(tmp_path.iterdir()) == []


async def test_cancel_and_delete(tmp_path: Path) -> None:
    mouth = Mouth(wait=asyncio.Event())
    async with stage(mouth=mouth, folder=tmp_path, batch={"concurrency": 1}) as here:
        batch = await (await here.ask("POST", WHERE, json=texts("wait", "one"))).json()
        while not mouth.said:
            await asyncio.sleep(0.01)
        cancelled = await (await here.ask("POST", f"{WHERE}/{batch['id']}/cancel")).json()
        assert cancelled["status"] == "cancelling"
        assert (await (await here.ask("DELETE", f"{WHERE}/{batch['id']}")).json())["deleted"]
        assert (await here.ask("GET", f"{WHERE}/{batch['id']}")).status == 404
    assert len(mouth.said) == 1


async def test_batches_are_their_keys_own(tmp_path: Path) -> None:
    keys = tuple(Key(name=name, key=Secret(f"sk-{name}")) for name in ("ann", "bob"))
    async with stage(folder=tmp_path, keys=keys) as here:
        ann, bob = ({"Authorization": f"Bearer sk-{name}"} for name in ("ann", "bob"))
        batch = await (await here.ask("POST", WHERE, json=texts("one"), headers=ann)).json()
        for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/results/0")):
            answer = await here.ask(method, f"{WHERE}/{batch['id']}{rest}", headers=bob)
            assert (answer.status, (await answer.json())["error"]["code"]) == (404, "batch_not_found")
        assert (await (await here.ask("GET", WHERE, headers=bob)).json())["data"] == []


async def test_without_a_folder_there_are_none() -> None:
    async with stage() as here:
        answer = await here.ask("POST", WHERE, json=texts("one"))
        error = (await answer.json())["error"]
        assert (answer.status, error["code"]) == (400, "batches_disabled") and "audio.batch.folder" in error["message"]
