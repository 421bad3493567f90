from dataclasses import replace

import pytest

from mediaserver.errors import NotFound, Overloaded
from mediaserver.gateway.keys import ALL_SCOPES, Principal
from signaling.realtime.effective import Effective
from tests.signaling.doors import door

ME, YOU = Principal("development", ALL_SCOPES), Principal("you", ALL_SCOPES)


async def test_a_call_belongs_to_who_made_it_for_as_long_as_its_session_runs() -> None:
    async with door() as at:
        await at.call()
        call_id = at.port.peers[0].id
        assert at.door.call(call_id, ME).peer.id == call_id
        with pytest.raises(NotFound):
            at.door.call(call_id, YOU)
        at.sessions.running.clear()
        with pytest.raises(NotFound):
            at.door.call(call_id, ME)


async def test_a_call_is_shown_as_its_client_sees_it_or_else_as_its_session_is() -> None:
    async with door() as at:
        await at.call()
        [(session, call)] = at.door.calls.items()
        changed = Effective(replace(session.settings, instructions="Be brief."))
        assert call.in_force(session).settings.instructions == session.settings.instructions
        assert replace(call, effective=lambda: changed).in_force(session) is changed
        assert replace(call, effective=None).in_force(session) == Effective(session.settings)


async def test_no_house_no_calls() -> None:
    async with door(ready=False) as at:
        with pytest.raises(Overloaded):
            at.door.open_house()
