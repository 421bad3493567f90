"""What goes wrong at a provider (P1 to P7 of the catalogue in ``tests/servers/provider.py``), over every transport."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridges.tts import line
from mediaserver.errors import BridgeError
from tests.bridges.tts.voices import SOCKETS, begun, said, sound, speaking, until
from tests.servers.provider import Faults

TEXT = "One two three four five."
FEW = ("elevenlabs-websocket", "elevenlabs-http", "aura-websocket", "aura-http")
"""Flux differs from Aura in its words alone, which matter where texts begin and are stopped."""
HTTP = ("elevenlabs-http", "aura-http")


async def failing(engine: Any, text: str = TEXT) -> BridgeError:
    with pytest.raises(BridgeError) as failed:
        await said(engine, text)
    return failed.value


# --- P1: the connection goes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "code"), [*zip(FEW, (1011, 1011, None, None), strict=True)])
async def test_a_text_that_was_begun_is_not_said_again(way: str, code: int | None) -> None:
    async with speaking(way, faults=Faults(close_mid_reply_ms=300, close_code=code, only_first=True)) as (
        engine,
        server,
    ):
        sounds = await begun(engine, TEXT)
        with pytest.raises(BridgeError) as failed:
            async with asyncio.timeout(5):
                async for _ in sounds:
                    pass
        assert failed.value.retryable and failed.value.code in ("connection_lost", "unavailable")
        assert len(server.truth.rows) == 1
        assert (await said(engine, "Next."))[0] == sound("Next.")


@pytest.mark.parametrize(
    ("way", "code"), [("elevenlabs-websocket", 1011), ("aura-websocket", None), ("flux-websocket", 1011)]
)
async def test_a_text_of_which_nothing_was_heard_is_said_over_another_socket(way: str, code: int | None) -> None:
    faults = Faults(close_after_ms=50, close_code=code, first_audio_s=0.2, only_first=True)
    async with speaking(way, faults=faults) as (engine, server):
        assert (await said(engine, TEXT))[0] == sound(TEXT)
        assert len(server.truth.rows) == 2


@pytest.mark.parametrize("way", HTTP)
async def test_a_request_of_which_nothing_was_heard_is_made_again(way: str) -> None:
    async with speaking(way, faults=Faults(close_mid_reply_ms=0, only_first=True)) as (engine, server):
        assert (await said(engine, TEXT))[0] == sound(TEXT)
        assert server.attempts == 2


@pytest.mark.parametrize("way", SOCKETS)
async def test_a_socket_that_fails_takes_only_its_own_texts_with_it(way: str) -> None:
    slots = 5 if way.startswith("elevenlabs") else 1
    async with speaking(way, speed=4.0) as (engine, server):
        first = [await begun(engine, f"{TEXT} {number}") for number in range(slots)]
        others = [asyncio.create_task(said(engine, f"Other {number}.")) for number in range(2)]
        await until(lambda: len(server.truth.rows) == slots + 2)
        server.connections[0]._reset()
        for sounds in first:
            with pytest.raises(BridgeError):
                async for _ in sounds:
                    pass
        assert [(await each)[0] for each in others] == [sound(f"Other {number}.") for number in range(2)]


# --- P2: the connection is there and silent ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", SOCKETS)
async def test_a_silent_socket_is_given_up_long_before_the_deadline(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "QUIET_S", 0.1)
    monkeypatch.setattr(line, "TICK_S", 0.05)
    async with speaking(way, faults=Faults(half_open_mid_reply_ms=200, only_first=True)) as (engine, _):
        assert (await failing(engine)).code == "connection_lost"
        assert (await said(engine, "Next."))[0] == sound("Next.")


@pytest.mark.parametrize("way", HTTP)
async def test_a_silent_answer_is_given_up_at_the_deadline(way: str) -> None:
    async with speaking(way, told={"between_s": 0.2}, faults=Faults(half_open_mid_reply_ms=200)) as (engine, _):
        assert (await failing(engine)).code == "timeout"


# --- P3: it is slow ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", SOCKETS)
async def test_a_provider_that_thinks_for_long_is_left(way: str) -> None:
    async with speaking(way, told={"first_sound_s": 0.3}, delay_s=30.0) as (engine, server):
        caller = asyncio.create_task(said(engine, TEXT))
        await until(lambda: server.truth.rows)
        caller.cancel()
        await until(lambda: server.left or server.connections[0].ws.closed)
        await asyncio.gather(caller, return_exceptions=True)
        assert (await failing(engine)).code == "timeout"


@pytest.mark.parametrize("way", FEW)
async def test_a_drip_is_heard_as_it_comes(way: str) -> None:
    async with speaking(way, faults=Faults(bytes_per_s=400_000)) as (engine, _):
        assert (await said(engine, "Drip."))[0] == sound("Drip.")


# --- P4: nonsense -----------------------------------------------------------------------------------------------------

NONSENSE = {
    "elevenlabs-websocket": ("bad_json", "array", "deep", "binary"),
    "aura-websocket": ("bad_json", "array", "wrong_types", "empty"),
    "flux-websocket": ("bad_json", "array", "deep", "surrogate"),
}
NEWS = ("unknown_event", "huge_number", "unknown_event")


@pytest.mark.parametrize("way", SOCKETS)
async def test_a_little_nonsense_is_survived_and_more_ends_the_socket(way: str) -> None:
    async with speaking(way, faults=Faults(garbage=(*NONSENSE[way][2:], *NEWS))) as (engine, server):
        assert (await said(engine, TEXT))[0] == sound(TEXT)
        for garbage, code in (
            (NONSENSE[way][:3], "protocol_error"),
            (("oversize",), "too_large"),
            (("bad_utf8",), "protocol_error"),
        ):
            server.faults.garbage = garbage
            assert (await failing(engine)).code == code
        server.faults.garbage = ()
        assert (await said(engine, "Next."))[0] == sound("Next.")


@pytest.mark.parametrize(
    ("way", "names"),
    [("elevenlabs-http", ("bad_json", "array", "wrong_types", "deep", "bad_utf8")), ("aura-http", ("bad_json",))],
)
async def test_nonsense_in_an_answer_ends_it_and_is_not_played(way: str, names: tuple[str, ...]) -> None:
    async with speaking(way) as (engine, server):
        for name in names:
            server.faults.garbage = (name,)
            assert (await failing(engine)).code == "protocol_error"


# --- P5 to P7: refusals, and a provider that is down and comes back ---------------------------------------------------


@pytest.mark.parametrize("way", FEW)
async def test_a_wrong_key_is_shown_once(way: str) -> None:
    async with speaking(way, told={"key": "wrong"}) as (engine, server):
        refused = await failing(engine)
        assert (refused.code, refused.retryable, server.attempts) == ("unauthorized", False, 1)
        assert "wrong" not in refused.message


@pytest.mark.parametrize("way", FEW)
async def test_a_provider_in_trouble_gets_little_more_load_and_is_used_again(way: str) -> None:
    async with speaking(way, faults=Faults(refuse=429, retry_after="1000000000")) as (engine, server):
        refused = await failing(engine)
        assert (refused.code, refused.retry_after, server.attempts) == ("rate_limited", 1e9, 1)
        server.faults = Faults(refuse=503, refuse_times=1)
        assert (await said(engine, TEXT))[0] == sound(TEXT)
        server.faults, server.attempts, billed = Faults(refuse=503), 0, len(server.truth.rows)
        for each in server.connections:
            each._reset()
        await asyncio.gather(*(failing(engine, f"{TEXT} {number}") for number in range(40)))
        assert server.attempts <= 40 * 1.1 + 10 and len(server.truth.rows) == billed
        server.faults = Faults()
        assert (await said(engine, "Back."))[0] == sound("Back.")


@pytest.mark.parametrize("way", FEW)
async def test_a_provider_that_does_not_answer_is_left_in_time(way: str) -> None:
    async with speaking(way, told={"connect_s": 0.1, "answer_s": 0.1}, faults=Faults(hang=True)) as (engine, _):
        assert (await failing(engine)).code == "timeout"
