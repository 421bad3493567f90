from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from mediaserver.errors import BridgeError, Forbidden, Overloaded
from mediaserver.gateway.principal import Principal
from signaling.audio.entering import MANAGE, USE, answered, enter
from signaling.door import DOOR
from tests.signaling.audio.stage import Stage, stage

ANN = Principal("ann", frozenset())


class Transport:
    """A connection from this machine that stays open."""

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> Any:
        return ("::1", 1) if name == "peername" else None


def asking(here: Stage | None = None) -> web.Request:
    app = web.Application()
    if here is not None:
        app[DOOR] = here.fixture.door
    headers = {"Authorization": "Bearer sk-local", "Host": "localhost"}
    return make_mocked_request("GET", "/v1/x", headers=headers, app=app, transport=Transport())


async def test_who_asks_and_what_there_is() -> None:
    async with stage() as here:
        for scope in (USE, MANAGE):
            who, studio = enter(asking(here), scope)
            assert who.name == "development" and studio is here.studio
        with pytest.raises(Forbidden):
            enter(asking(here), "no:scope")
        here.fixture.door.house = None
        with pytest.raises(Overloaded):
            enter(asking(here))


async def test_a_failure_is_an_answer_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> web.StreamResponse:
        raise BridgeError("the voice refused", code="unauthorized")

    with pytest.raises(Exception, match="the voice refused"):
        await answered(asking(), ANN, work())
    [record] = caplog.records
    assert record.message == "the audio API failed" and record.__dict__["code"] == "unauthorized"


async def test_what_the_client_did_wrong_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> web.StreamResponse:
        raise BridgeError("no", code="invalid_request")

    with pytest.raises(Exception, match="no"):
        await answered(asking(), ANN, work())
    assert not caplog.records
