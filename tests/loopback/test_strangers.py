"""Hostile datagrams from a third socket: the property is that nobody notices, neither while calls are set up nor later."""

import asyncio
import logging

import pytest

from tests.rtc.clients import media_port
from tests.servers.lean_call import HOST, lean_call
from tests.servers.strangers import Stranger, datagrams
from tests.servers.udp_impair import Weather


def test_the_same_seed_is_the_same_nonsense():
    one, two = datagrams(3, [b"genuine datagram"]), datagrams(3, [b"genuine datagram"])
    first = [next(one) for _ in range(500)]
    assert first == [next(two) for _ in range(500)]
    assert b"" in first
    assert {each[0] >> 6 for each in first if each} == {0, 1, 2, 3}


async def test_a_live_call_does_not_notice(caplog):
    caplog.set_level(logging.DEBUG)
    async with media_port() as port, lean_call(port) as call:
        await call.speak(0.5)
        before = call.listening.frames
        with Stranger((HOST, port.port), seed=1) as stranger:
            async with asyncio.TaskGroup() as tasks:
                talking = tasks.create_task(call.speak(2.0))
                while not talking.done():
                    stranger.send(50)
                    await asyncio.sleep(0.02)
        heard = call.listening.frames - before
        counted = port.stats()
    assert stranger.sent > 2000
    assert heard >= 98
    assert counted["unknown_source"] + counted["bad_stun"] + counted["oversize"] >= stranger.sent * 0.9
    assert len(caplog.records) < 50, "a datagram from a stranger is worth no line in the log"


@pytest.mark.parametrize("seed", range(10))
async def test_a_call_is_set_up_while_strangers_send_what_looks_like_a_handshake(seed):
    async with media_port() as port:
        async with lean_call(port, Weather()) as first:
            await first.speak(0.1)
            genuine = first.proxy.up.recent
        assert any(20 <= each[0] <= 63 for each in genuine), "the handshake is among what was seen"
        with Stranger((HOST, port.port), seed, genuine) as stranger:
            async with asyncio.TaskGroup() as tasks:
                disturbing = tasks.create_task(_disturb(stranger))
                async with lean_call(port, connect_s=2.0) as call:
                    await call.speak(0.2)
                    assert call.listening.frames >= 8
                disturbing.cancel()


async def _disturb(stranger: Stranger) -> None:
    while True:
        stranger.send(20)
        await asyncio.sleep(0.001)
