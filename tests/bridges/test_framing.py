"""Frames as the library that we did not write reads them."""

import pytest
from websockets.frames import Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from bridges.framing import Masks, framed


@pytest.mark.parametrize("size", [0, 1, 125, 126, 1400, 65535, 65536, 200_000])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_a_server_reads_what_was_sent(opcode, size):
    payload = bytes(index % 127 for index in range(size))
    server = ServerProtocol(state=OPEN)
    server.receive_data(framed(opcode, payload))
    (frame,) = server.events_received()
    assert (frame.opcode, bytes(frame.data), frame.fin) == (opcode, payload, True)
    assert server.parser_exc is None


def test_the_payload_does_not_stand_there_in_the_clear():
    assert b"secret words" not in framed(Opcode.TEXT, b"secret words")


def test_no_key_comes_again():
    masks = Masks()
    keys = {masks.next() for _ in range(3000)}
    assert len(keys) >= 2999
    assert {len(key) for key in keys} == {4}
