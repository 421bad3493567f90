import socket

import pytest
from aiohttp.test_utils import make_mocked_request

from signaling.private import CLIENT, address_of, is_private


class Transport:
    """A connection over a socket of this family."""

    def __init__(self, family: int, peer: object) -> None:
        self.family, self.peer = family, peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"socket": self, "peername": self.peer}.get(name, default)


@pytest.mark.parametrize(
    ("family", "peer", "private", "address"),
    [
        (socket.AF_UNIX, "", True, "198.51.100.7"),
        (socket.AF_INET, ("192.0.2.1", 5), False, "192.0.2.1"),
        (socket.AF_INET6, ("2001:db8::1", 5, 0, 0), False, "2001:db8::1"),
        (socket.AF_INET, None, False, ""),
    ],
)
def test_the_header_counts_on_the_private_socket_only(family: int, peer: object, private: bool, address: str) -> None:
    request = make_mocked_request("GET", "/", headers={CLIENT: "198.51.100.7"}, transport=Transport(family, peer))
    assert (is_private(request), address_of(request)) == (private, address)


def test_nobody_is_told_where_there_is_no_header() -> None:
    request = make_mocked_request("GET", "/", transport=Transport(socket.AF_UNIX, ""))
    assert address_of(request) == ""
