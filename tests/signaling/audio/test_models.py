from __future__ import annotations

from mediaserver.config import Key, Secret
from tests.signaling.audio.stage import Ears, stage


async def test_one_name_may_stand_for_several_things() -> None:
    async with stage(transcription={"local": {}, "far": {}}, speech={"local": {}}) as here:
        listed = (await (await here.ask("GET", "/v1/models")).json())["data"]
    can = {model["id"]: set(model["capabilities"]) for model in listed}
    assert can == {"local": {"realtime", "transcription", "speech"}, "echo": {"realtime"}, "far": {"transcription"}}
    assert all(set(model) == {"id", "object", "created", "owned_by", "capabilities"} for model in listed)
    assert listed[0]["capabilities"]["realtime"]["voices"] == ["en", "de"]


async def test_one_model_is_told_in_full() -> None:
    async with stage(Ears(file_features=frozenset({"words"})), aliases={"whisper-1": "far"}) as here:
        told = await (await here.ask("GET", "/v1/models/whisper-1")).json()
    assert (told["id"], told["alias_of"]) == ("whisper-1", "far")
    heard, spoken = told["capabilities"]["transcription"], told["capabilities"]["speech"]
    assert (
        heard["features"] == ["words"] and "diarized_json" not in heard["response_formats"] and not heard["translates"]
    )
    assert spoken["voices"] == ["ann", "bob"] and spoken["max_characters"] == 4096


async def test_an_unknown_model_is_told_what_there_is() -> None:
    async with stage() as here:
        answer = await here.ask("GET", "/v1/models/a/b")
        error = (await answer.json())["error"]
        assert (answer.status, error["code"]) == (404, "model_not_found") and "far" in error["message"]


async def test_a_key_sees_its_own_models() -> None:
    keys = (
        Key(name="narrow", key=Secret("sk-narrow"), models=("echo",), scopes=("calls:create",)),
        Key(name="none", key=Secret("sk-none"), scopes=("metrics:read",)),
    )
    async with stage(keys=keys) as here:
        headers = {"Authorization": "Bearer sk-narrow"}
        listed = await (await here.ask("GET", "/v1/models", headers=headers)).json()
        assert [model["id"] for model in listed["data"]] == ["echo"]
        assert (await here.ask("GET", "/v1/models/far", headers=headers)).status == 403
        assert (await here.ask("GET", "/v1/models", headers={"Authorization": "Bearer sk-none"})).status == 403
