from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.config import Config
from mediaserver.gateway.keys import KeyRing
from signaling.audio import upload
from signaling.audio.upload import Bounds, Form, read_form
from signaling.door import DOOR, Door
from signaling.middleware import errors

BOUNDS = Bounds(1_000_000, 5.0, refused={"known_speaker_names": "no speakers are known here: leave it out"})
TYPE = {"Content-Type": "multipart/form-data; boundary=b"}
Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def reading(folder: Path, bounds: Bounds = BOUNDS) -> AsyncIterator[tuple[Client, list[Form]]]:
    """Serve one address that reads a form and does nothing else."""
    forms: list[Form] = []

    async def handle(request: web.Request) -> web.Response:
        forms.append(await read_form(request, folder, bounds))
        return web.Response()

    app = web.Application(middlewares=[errors], client_max_size=1024)
    app[DOOR] = Door(Config(), KeyRing((), development=True), folder)
    app.router.add_post("/", handle)
    async with TestClient(TestServer(app)) as client:
        yield client, forms


def part(name: str, body: bytes, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + body + b"\r\n"


@pytest.mark.parametrize("first", ["file", "model"])
async def test_fields_and_file_in_any_order(tmp_path: Path, first: str) -> None:
    sound = bytes(range(256)) * 3000
    body = {"file": part("file", sound, '; filename="../../etc/passwd"'), "model": part("model", b"local")}
    data = body.pop(first) + b"".join(body.values()) + b"--b--\r\n"
    async with reading(tmp_path) as (client, forms):
        answer = await client.post("/", data=data, headers=TYPE)
        assert answer.status == 200, await answer.text()
    [form] = forms
    [file] = form.files
    assert form.fields.text("model") == "local"
    assert file.path.parent == tmp_path and file.path.read_bytes() == sound and file.size == len(sound)
    assert [path.name for path in tmp_path.iterdir()] == ["000000"]


async def test_a_body_of_unknown_length_is_stopped_at_the_limit(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield part("file", b"x" * 100_000, '; filename="a.wav"')[:-2]
        for _ in range(100):
            yield b"x" * 100_000

    async with reading(tmp_path) as (client, forms):
        answer = await client.post("/", data=endless(), headers=TYPE)
        assert answer.status == 413 and not forms
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= BOUNDS.bytes_each


async def test_a_body_that_says_that_it_is_too_long_is_not_read(tmp_path: Path) -> None:
    form = FormData()
    form.add_field("file", io.BytesIO(b"x" * 3_000_000), filename="a.wav")
    async with reading(tmp_path) as (client, _):
        answer = await client.post("/", data=form)
        assert answer.status == 413
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "status", "param"),
    [
        (b"", 400, None),
        (b"no multipart at all", 400, None),
        (part("file", b"x"), 400, None),
        (part("file", b"x") + b"--b", 400, None),
        (part("file", b"x", "\r\nContent-Length: 9999999") + b"--b--\r\n", 400, "file"),
        (part("", b"x") + b"--b--\r\n", 400, None),
        (b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", 400, None),
        (b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n--c--\r\n--b--\r\n", 400, None),
        (b"--b\r\n" + b"A: b\r\n" * 1000 + b"\r\nx\r\n--b--\r\n", 400, None),
        (b"--b\r\nA: " + b"b" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n", 400, None),
        (part("n" * 200, b"x") + b"--b--\r\n", 400, None),
        (part("model", b"\xff\xfe") + b"--b--\r\n", 400, "model"),
        (part("prompt", b"x" * 70_000) + b"--b--\r\n", 400, "prompt"),
        (b"".join(part("x", b"") for _ in range(300)) + b"--b--\r\n", 400, None),
        (part("file", b"x") * 2 + b"--b--\r\n", 400, "file"),
        (part("known_speaker_names[]", b"ann") + b"--b--\r\n", 400, "known_speaker_names"),
    ],
)  # fmt: skip
async def test_hostile_bodies_are_refused(tmp_path: Path, data: bytes, status: int, param: Any) -> None:
    async with reading(tmp_path) as (client, forms):
        answer = await client.post("/", data=data, headers=TYPE)
        said = (await answer.json())["error"]
    assert (answer.status, said["param"]) == (status, param) and not forms
    assert set(said) == {"message", "type", "param", "code"}


async def test_another_type_is_refused(tmp_path: Path) -> None:
    async with reading(tmp_path) as (client, _):
        answer = await client.post("/", json={"file": "x"})
        assert answer.status == 415 and "multipart/form-data" in await answer.text()


async def test_a_body_that_does_not_go_on_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "IDLE_S", 0.05)
    gone = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield part("file", b"x" * 1000, '; filename="a.wav"')[:-2]
        await gone.wait()
        yield b"x"

    async with reading(tmp_path) as (client, _):
        answer = await client.post("/", data=slow(), headers=TYPE)
        assert answer.status == 408
        gone.set()
