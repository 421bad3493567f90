"""Networks that let less through: what still passes does, and what does not is said."""

import pytest

from benchmarks import narrow_paths
from benchmarks.comebacks import SERVER
from tests.servers.voice_server import voice_server

pytestmark = pytest.mark.campaign


async def test_a_handshake_passes_without_fragments(monkeypatch):
    monkeypatch.setattr(narrow_paths, "SETUPS", 2)
    line = await narrow_paths._short_packets()
    assert line.kept, line.measured


@pytest.mark.browser
async def test_without_udp_the_socket_serves_and_the_page_finds_it(monkeypatch):
    monkeypatch.setattr(narrow_paths, "TRIES", 1)
    async with voice_server(SERVER) as server:
        assert "sound after" in (await narrow_paths._socket(server)).measured
        assert "a WebSocket after" in (await narrow_paths._page(server)).measured
