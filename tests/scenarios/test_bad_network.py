"""A call through a bad network, in small amounts; ``make reliability`` has the full ones."""

import asyncio

import pytest

from tests.rtc.clients import media_port
from tests.servers.lean_call import lean_call
from tests.servers.udp_impair import Weather

pytestmark = pytest.mark.alone
SPEECH_S = 4.0


@pytest.mark.parametrize(
    ("weather", "least"),
    [
        pytest.param(Weather(loss=0.05), 0.98, marks=pytest.mark.campaign),
        (Weather(loss=0.10, burst=3), 0.95),
        (Weather(jitter_ms=30), 0.98),
        pytest.param(Weather(reorder=0.05), 0.98, marks=pytest.mark.campaign),
        (Weather(duplicate=0.05), 0.98),
    ],
    ids=["loss 5 %", "loss 10 % in bursts", "jitter 30 ms", "reorder 5 %", "duplicate 5 %"],
)
async def test_the_listener_gets_nearly_every_frame(weather, least):
    async with media_port() as port, lean_call(port, weather, seed=3) as call:
        await call.speak(SPEECH_S)
        given = call.listening.frames / call.sent  # at once: what is missing after the end is concealed for a while
    assert least <= given <= 1.02


@pytest.mark.parametrize(
    ("loss", "burst"),
    [
        (0.1, 1),
        pytest.param(0.2, 1, marks=pytest.mark.campaign),
        pytest.param(0.1, 3, marks=pytest.mark.campaign),
        (0.2, 3),
    ],
)
async def test_copies_bring_back_what_is_lost(loss, burst):
    """Three callers at once, through the same losses: without copies, with one, with two."""

    async def made_up(port, copies):
        async with lean_call(port, Weather(loss=loss, burst=burst), seed=3, copies=copies) as call:
            await call.speak(SPEECH_S)
            return call.made_up

    async with media_port() as port:
        without, one, two = await asyncio.gather(*(made_up(port, copies) for copies in range(3)))
    assert without > one > two
    assert two <= without / 2


async def test_duplicates_change_nothing():
    heard = []
    for weather in (Weather(), Weather(duplicate=0.3)):
        async with media_port() as port, lean_call(port, weather, keep=True) as call:
            await call.speak(1.0)
            await asyncio.sleep(0.2)
            heard.append(call.listening.pcm)
    clean, doubled = heard
    assert min(len(clean), len(doubled)) >= 50
    same = clean[:50] == doubled[:50]  # pytest would lay the two beside each other for minutes
    assert same


@pytest.mark.parametrize("weather", [Weather(), Weather(loss=0.3, delay_ms=40)], ids=["fair", "loss 30 %, 80 ms"])
async def test_a_nat_that_forgets_costs_no_check_interval(weather):
    async with media_port() as port, lean_call(port, Weather(), echo=True) as call:
        await call.speak(0.5)
        assert call.proxy is not None
        call.proxy.set_weather(weather)
        call.caller.due = float("inf")  # it never checks again by itself
        await call.proxy.rebind()
        before, heard = call.listening.frames, len(call.caller.packets)
        await call.speak(3.0)
        assert call.listening.frames - before > 50
        assert len(call.caller.packets) - heard > 50


async def test_a_handshake_passes_where_fragments_do_not():
    async with media_port() as port, lean_call(port, Weather(mtu=1200)) as call:
        await call.speak(0.5)
        assert call.listening.frames > 10


async def test_sound_is_back_after_a_hole():
    async with media_port() as port, lean_call(port, Weather()) as call:
        await call.speak(0.5)
        assert call.proxy is not None
        call.proxy.hole = True
        await call.speak(1.0)
        call.proxy.hole = False
        before = call.listening.frames
        await call.speak(1.0)
        assert call.listening.frames - before >= 48
