import inspect

import pytest

from mediaserver.rtc.port import MediaPort
from mediaserver.rtc.wire import Wire, nowhere

NEEDS = ("sender", "learn", "forget", "name", "unname", "ask", "left")


@pytest.mark.parametrize("name", NEEDS)
def test_the_media_port_is_a_wire(name):
    wanted, given = (inspect.signature(getattr(kind, name)) for kind in (Wire, MediaPort))
    assert list(wanted.parameters) == list(given.parameters)


def test_the_protocol_names_all_that_a_peer_needs():
    assert {name for name in vars(Wire) if not name.startswith("_")} == set(NEEDS)


def test_before_there_is_a_path_a_datagram_goes_nowhere():
    assert nowhere(b"\x80" * 20) is None
