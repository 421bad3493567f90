"""A client of a real server comes back to its call from another address."""

import pytest

from benchmarks import comebacks

pytestmark = pytest.mark.campaign


async def test_a_call_goes_on_at_another_address(monkeypatch):
    monkeypatch.setattr(comebacks, "MOVES", 2)
    async with comebacks._client() as client:
        line = await comebacks._moved(client)
        assert "1 conversation, 1 peer" in line.measured
        client.name = "rtc_none"
        with pytest.raises(ConnectionRefusedError):
            await client.sound()


async def test_a_call_waits_for_a_client_that_was_gone_for_long(monkeypatch):
    media = {"silence_notice_s": 0.5, "silence_end_s": 1, "resume_s": 30}
    monkeypatch.setattr(comebacks, "SERVER", {**comebacks.SERVER, "media": media})
    monkeypatch.setattr(comebacks, "RESUMABLE_S", comebacks.EARLY_S)
    async with comebacks._client() as client:
        line = await comebacks._long_gone(client)
        assert line.kept, line.measured
        assert await client.counted("sessions_started_total") == 1
