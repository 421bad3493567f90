"""A provider's key is in no error, no log line and no record, whatever the provider does with it."""

from __future__ import annotations

import asyncio
import base64
import logging
from functools import partial
from urllib.parse import quote

import pytest

from bridges import open_bridge
from mediaserver.conversation.leg import Place
from mediaserver.conversation.session import Session
from mediaserver.conversation.support import Support
from mediaserver.gateway.health import Breakers
from mediaserver.settings import Settings
from tests.servers.fleet import FLEET
from tests.servers.handset import Handset
from tests.servers.provider import Faults

CANARY = "sk-canary/7f3a+never-to-be-seen"
SHAPES = (CANARY, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode().rstrip("="))
FAULTS = {
    "wrong key": Faults(),
    "refused": Faults(refuse=500),
    "closed": Faults(close_after_ms=300),
    "garbage": Faults(garbage=("bad_json", "wrong_types", "deep", "bad_utf8")),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_nobody_is_shown_a_providers_key(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = await asyncio.gather(*(call(name, fault) for name in FLEET))
    lines = [record.getMessage() + str(record.__dict__) for record in caplog.records if _ours(record)]
    for shape in SHAPES:
        assert not [text for text in (*told, *lines) if shape in text]


def _ours(record: logging.LogRecord) -> bool:
    """The simulators are other people's servers: what asyncio and aiohttp log of them is not ours."""
    return record.name.split(".")[0] in ("mediaserver", "bridges", "signaling", "websockets", "httpx", "httpcore")


async def call(provider: str, fault: str) -> str:
    """Hold a call for a moment and return everything that was told of it."""
    entry = FLEET[provider]
    key = {} if fault == "wrong key" else {"key": CANARY}
    async with entry.make(faults=FAULTS[fault], **key) as sim:
        options = entry.options(sim) | {"key": CANARY}
        async with open_bridge(provider, options) as make:
            handset = Handset(f"rtc_{provider}")
            route = (Place(provider, partial(make, "model"), provider),)
            session = Session("sess_1", handset, route, Settings("model"), support=Support(health=Breakers()))
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(session.run())
                await asyncio.wait((running,), timeout=1.5)
                handset.hang_up()
            return f"{handset.events} {session.record.entries()} {session.record.usage()} {running.result()} {make!r}"
