from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import FormData
from openai.types.audio import Voice, VoiceDeleted

from mediaserver.config import Key, Secret
from signaling.audio import voices
from tests.signaling.audio.stage import HUM, Cloning, read_wav, stage

WHERE = "/v1/audio/voices"


def form(**changes: str) -> FormData:
    data = FormData()
    for name, value in ({"name": "eve", "consent": "cons_1"} | changes).items():
        if value:
            data.add_field(name, value)
    data.add_field("audio_sample", io.BytesIO(HUM), filename="eve.wav")
    return data


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def decoded(path: Any, *, limits: Any) -> AsyncIterator[Any]:
        async with read_wav(path, limits=limits) as sound:
            yield sound

    monkeypatch.setattr(voices, "decoded", decoded)


async def test_the_voices_of_an_engine_that_only_names_them() -> None:
    async with stage() as here:
        said = await (await here.ask("GET", WHERE)).json()
        assert [(voice["id"], voice["model"]) for voice in said["data"]] == [("ann", "far"), ("bob", "far")]
        assert (await here.ask("GET", f"{WHERE}?model=none")).status == 404


async def test_a_voice_is_made_used_and_deleted() -> None:
    async with stage(mouth=Cloning()) as here:
        answer = await here.ask("POST", WHERE, data=form(description="a friend"))
        made = await answer.json()
        assert answer.status == 201 and Voice.model_validate(made).id == "id_eve"
        assert here.mouth.made["eve"][0].data == HUM  # type: ignore[attr-defined]
        listed = await (await here.ask("GET", f"{WHERE}?model=far")).json()
        assert [voice["id"] for voice in listed["data"]] == ["ann", "bob", "id_eve"]
        spoken = await here.ask("POST", "/v1/audio/speech", json={"input": "one", "voice": {"id": "id_eve"}})
        assert spoken.status == 200 and here.mouth.said[0][1] == "id_eve"
        gone = await (await here.ask("DELETE", f"{WHERE}/id_eve")).json()
        assert VoiceDeleted.model_validate(gone).deleted and not here.mouth.made  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"consent": ""}, "consent"),
        ({"consent": "false"}, "consent"),
        ({"name": " "}, "name"),
        ({"prompt": "a deep voice"}, "prompt"),
        ({"colour": "blue"}, "colour"),
    ],
)
async def test_what_cannot_be_is_refused(changes: dict[str, str], param: str) -> None:
    async with stage(mouth=Cloning()) as here:
        answer = await here.ask("POST", WHERE, data=form(**changes))
        assert (answer.status, (await answer.json())["error"]["param"]) == (400, param)
        assert not here.mouth.made  # type: ignore[attr-defined]


async def test_an_engine_that_makes_no_voices() -> None:
    async with stage() as here:
        for answer in (await here.ask("POST", WHERE, data=form()), await here.ask("DELETE", f"{WHERE}/ann")):
            assert (answer.status, (await answer.json())["error"]["code"]) == (400, "unsupported_by_model")


async def test_making_voices_needs_a_right_of_its_own() -> None:
    async with stage(mouth=Cloning(), keys=(Key(name="a", key=Secret("sk-a")),)) as here:
        headers = {"Authorization": "Bearer sk-a"}
        assert (await here.ask("GET", WHERE, headers=headers)).status == 200
        assert (await here.ask("POST", WHERE, headers=headers, data=form())).status == 403
        assert (await here.ask("DELETE", f"{WHERE}/ann", headers=headers)).status == 403
