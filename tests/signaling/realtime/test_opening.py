from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from msgspec import convert

from mediaserver.bridge import Capabilities
from mediaserver.cache.opening import open_cached
from mediaserver.cacheconfig import Cache
from mediaserver.config import Config, Media, Model, Turns
from mediaserver.conversation.support import Support
from mediaserver.errors import BadRequest, Forbidden, NotFound, Overloaded
from mediaserver.gateway.keys import ALL_SCOPES
from mediaserver.gateway.principal import Principal
from mediaserver.items import Item, Part
from mediaserver.personas import Persona
from signaling.door import DOOR, Door, Way
from signaling.realtime.effective import Effective
from signaling.realtime.opening import admit, defaults, merged
from signaling.realtime.wire import SessionPatch
from tests.cache.engines import Mouth
from tests.cache.test_spoken import said
from tests.signaling.doors import KEY, OFFER, SDP, Fixture, door
from tests.signaling.houses import house

SHOP = Principal("shop", ALL_SCOPES, frozenset({"local"}))
WAY = Way((), Capabilities(voices=("en", "de")))


def patch(**session: Any) -> SessionPatch:
    return convert(session, SessionPatch)


async def opened(config: Config | None = None, *, ready: bool = True) -> Door:
    async with door(config, ready=ready) as fixture:
        assert isinstance(fixture, Fixture)
        return fixture.door


async def test_the_model_is_the_sessions_before_the_urls_before_the_default() -> None:
    config = Config(models={"local": Model(), "echo": Model(bridge="echo")}, default_model="echo")
    at = await opened(config)
    anyone = Principal("anyone", ALL_SCOPES)
    assert admit(at, anyone, patch(), None).model == "echo"
    assert admit(at, anyone, patch(), "local").model == "local"
    assert admit(at, anyone, patch(model="echo"), "local").model == "echo"


async def test_who_may_not_is_told_so() -> None:
    at = await opened()
    with pytest.raises(NotFound) as unknown:
        admit(at, SHOP, patch(), "gpt-realtime")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(Forbidden) as other:
        admit(at, SHOP, patch(), "echo")
    assert other.value.code == "model_not_allowed"
    with pytest.raises(Overloaded):
        admit(await opened(ready=False), SHOP, patch(), "local")


async def test_a_session_that_cannot_be_names_the_path_of_what_is_wrong() -> None:
    at = await opened()
    with pytest.raises(BadRequest) as wrong:
        admit(at, SHOP, patch(output_modalities=["audio", "text"]), "local")
    assert wrong.value.param == "session.output_modalities"


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/realtime/pcm"])
async def test_a_client_that_came_too_late_on_its_socket_is_told_so(path: str) -> None:
    async with door() as at:
        at.sessions.fails = Overloaded("the server is full")
        async with at.client.ws_connect(path, headers=KEY) as wire:
            error = await wire.receive_json(timeout=20)
            assert (error["type"], error.get("error", error)["code"]) == ("error", "overloaded")
            end = await wire.receive(timeout=20)
            assert (end.data, end.extra) == (1013, "rate_limited")


@pytest.mark.parametrize(
    ("path", "offer"),
    [
        ("/v1/realtime/calls", {"data": OFFER, "headers": KEY | SDP}),
        ("/whip", {"data": OFFER, "headers": KEY | SDP}),
        ("/api/offer", {"json": {"sdp": OFFER}, "headers": KEY}),
    ],
)
async def test_a_caller_whose_call_cannot_begin_is_closed(path: str, offer: dict[str, Any]) -> None:
    async with door() as at:
        at.sessions.fails = Overloaded("the server is full")
        answer = await at.client.post(path, **offer)
        assert answer.status == 503 and at.port.peers[0].closed


def test_what_a_client_that_asks_for_nothing_gets() -> None:
    config = Config(models={"local": Model(instructions="Be kind.")}, turns=Turns(threshold=0.7, eagerness="low"))
    settings = defaults(config, "local", WAY)
    assert (settings.model, settings.instructions, settings.voice) == ("local", "Be kind.", "en")
    assert settings.turn_detection is not None
    assert (settings.turn_detection.threshold, settings.turn_detection.eagerness) == (0.7, "low")
    silent = Config(models={"local": Model(voice="de")}, turns=Turns(detection="off"))
    assert defaults(silent, "local", WAY).turn_detection is None
    assert defaults(silent, "local", WAY).voice == "de"


def test_an_error_without_a_path_is_the_whole_sessions() -> None:
    begun = Effective(defaults(Config(), "local", WAY))
    assert merged(begun, patch(instructions="Short.")).settings.instructions == "Short."
    with pytest.raises(BadRequest) as wrong:
        merged(begun, patch(tools=[{"type": "function", "name": "a"}, {"type": "function", "name": "a"}]))
    assert wrong.value.param == "session.tools"


# --- personas ---------------------------------------------------------------------------------------------------------

STAFF = Config(
    models={"local": Model(persona="clerk")},
    personas={
        "clerk": Persona(instructions="You are a clerk.", memory=True),
        "cook": Persona(instructions="You cook {{dish}}.", voice="de"),
    },
)
ANNA = Principal("shop", ALL_SCOPES, memory=True, caller="anna")


async def test_a_model_has_a_persona_and_a_client_may_ask_for_another() -> None:
    at = await opened(STAFF)
    assert admit(at, SHOP, patch()).effective.settings.instructions == "You are a clerk."
    cook = admit(at, SHOP, patch(prompt={"id": "cook", "variables": {"dish": "soup"}})).effective
    assert (cook.settings.instructions, cook.settings.voice, cook.persona) == ("You cook soup.", "de", "cook")
    mixed = admit(at, SHOP, patch(prompt={"id": "clerk"}, instructions="Be brief.")).effective
    assert (mixed.settings.instructions, mixed.persona) == ("Be brief.", "clerk")


@pytest.mark.parametrize(
    ("prompt", "param"), [({"id": "nobody"}, "prompt.id"), ({"id": "cook"}, "prompt.variables.dish")]
)
async def test_a_prompt_that_cannot_be(prompt: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as wrong:
        admit(await opened(STAFF), SHOP, patch(prompt=prompt))
    assert wrong.value.param == f"session.{param}"


async def test_a_persona_knows_a_caller_again_where_the_key_may() -> None:
    at = await opened(STAFF)
    first = admit(at, ANNA, patch())
    assert first.remembered == ("shop", "clerk", "anna")
    at.memory.remember(first.remembered, [Item("i", role="user", parts=(Part("input_audio", "I am Anna."),))], 1.0)
    assert "Caller: I am Anna." in admit(at, ANNA, patch()).effective.settings.instructions
    for who in (SHOP, Principal("shop", ALL_SCOPES, caller="anna"), Principal("shop", ALL_SCOPES, memory=True)):
        stranger = admit(at, who, patch())
        assert stranger.remembered is None and "Anna" not in stranger.effective.settings.instructions


async def test_a_call_that_ends_is_remembered() -> None:
    config = Config(
        media=Media(port=0, addresses=("127.0.0.1",)),
        models={"local": Model(persona="clerk")},
        personas=STAFF.personas,
    )
    headers = KEY | {"OpenAI-Safety-Identifier": "anna"}
    told = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I am Anna."}]}
    async with house(config) as client:
        async with client.ws_connect("/v1/realtime?model=local", headers=headers) as wire:
            await wire.receive_json(timeout=20)
            await wire.send_json({"type": "conversation.item.create", "item": told})
            while (await wire.receive_json(timeout=20))["type"] != "conversation.item.done":
                pass
        async with asyncio.timeout(20):
            while client.app[DOOR].calls:
                await asyncio.sleep(0.01)
        async with client.ws_connect("/v1/realtime?model=local", headers=headers) as wire:
            assert "I am Anna." in (await wire.receive_json(timeout=20))["session"]["instructions"]
        async with client.ws_connect("/v1/realtime?model=local", headers=KEY) as wire:
            assert "Anna" not in (await wire.receive_json(timeout=20))["session"]["instructions"]


async def test_a_call_remembers_what_was_spoken_for_its_own_key() -> None:
    given: list[Support] = []
    async with door() as at, open_cached(Cache()) as cached:
        start = at.sessions.start

        def starting(caller: Any, settings: Any, route: Any, limits: Any, support: Support) -> Any:
            given.append(support)
            return start(caller, settings, route, limits)

        at.sessions.start = starting  # type: ignore[method-assign, assignment]
        assert at.door.house is not None
        at.door.house = replace(at.door.house, cached=cached)
        assert (await at.call()).status == 201
        assert given[0].remember is not None
        mouth = Mouth()
        await said(given[0].remember(mouth, "id"))
        await said(cached.spoken.of("development", mouth, "id"))
        assert len(mouth.asked) == 1
