import pytest
from aiohttp.test_utils import make_mocked_request

from signaling.auth import from_here, local_origin
from tests.signaling.doors import KEY, SDP, door


class Transport:
    """A connection from an address."""

    def __init__(self, address: object) -> None:
        self.address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.address if name == "peername" else default


@pytest.mark.parametrize(
    ("peer", "headers", "here"),
    [
        (("127.0.0.1", 5), {"Host": "localhost:8080"}, True),
        (("127.0.0.1", 5), {"Host": "127.0.0.1"}, True),
        (("::1", 5, 0, 0), {"Host": "[::1]:8080"}, True),
        (("::ffff:127.0.0.1", 5, 0, 0), {"Host": "localhost"}, True),
        (("127.0.0.1", 5), {"Host": "localhost", "Origin": "http://localhost:5173"}, True),
        (("192.0.2.1", 5), {"Host": "localhost"}, False),
        (("192.0.2.1", 5), {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"}, False),
        (("127.0.0.1", 5), {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"}, False),
        (("127.0.0.1", 5), {"Host": "localhost", "Forwarded": "for=127.0.0.1"}, False),
        (("127.0.0.1", 5), {"Host": "rebound.example:8080"}, False),
        (("127.0.0.1", 5), {"Host": "localhost.evil.example"}, False),
        (("127.0.0.1", 5), {"Host": "localhost", "Origin": "https://evil.example"}, False),
        (("127.0.0.1", 5), {"Host": "localhost", "Origin": "null"}, False),
        (("127.0.0.1", 5), {"Host": "[::1"}, False),
        (None, {"Host": "localhost"}, False),
    ],
)  # fmt: skip
def test_who_is_on_this_machine(peer: object, headers: dict[str, str], here: bool) -> None:
    request = make_mocked_request("POST", "/", headers=headers, transport=Transport(peer))
    assert from_here(request) is here


@pytest.mark.parametrize(
    ("origin", "local"),
    [
        ("http://localhost", True),
        ("https://127.0.0.1:9", True),
        ("http://[::1]:1", True),
        ("http://127.0.0.1.evil.example", False),
        ("http://evil.example/localhost", False),
        ("null", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_origins_of_this_machine(origin: str, local: bool) -> None:
    assert local_origin(origin) is local


async def test_the_development_key_is_no_key_for_a_strangers_page() -> None:
    async with door() as at:
        assert (await at.call()).status == 201
        refused = await at.call(headers=KEY | SDP | {"Origin": "https://evil.example"})
        assert refused.status == 401 and refused.headers["WWW-Authenticate"] == "Bearer"
        assert (await at.call(headers=KEY | SDP | {"Host": "rebound.example"})).status == 401


async def test_two_keys_are_none() -> None:
    async with door() as at:
        headers = [*SDP.items(), *KEY.items(), *KEY.items()]
        assert (await at.call(headers=headers)).status == 401


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "sk-local", "Bearer " + "x" * 5000, "Bearer ' OR 1=1", "Bearer ключ"]
)
async def test_odd_headers_are_refused_alike(value: str) -> None:
    async with door() as at:
        assert (await at.call(headers=SDP | {"Authorization": value})).status == 401
