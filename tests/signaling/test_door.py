import gc

import pytest

from mediaserver.errors import NotFound, Overloaded
from mediaserver.gateway.keys import ALL_SCOPES, Principal
from tests.signaling.doors import door

ME, YOU = Principal("development", ALL_SCOPES), Principal("you", ALL_SCOPES)


async def test_a_call_belongs_to_who_made_it_and_is_forgotten_with_its_session() -> None:
    async with door() as at:
        await at.call()
        call_id = at.port.peers[0].id
        assert at.door.call(call_id, ME).peer.id == call_id
        with pytest.raises(NotFound):
            at.door.call(call_id, YOU)
        at.sessions.running.clear()
        gc.collect()
        assert not at.door.calls
        with pytest.raises(NotFound):
            at.door.call(call_id, ME)


async def test_no_house_no_calls() -> None:
    async with door(ready=False) as at:
        with pytest.raises(Overloaded):
            at.door.open_house()
