import socket

import pytest

from mediaserver.cluster.ports import check, media_port, reserved
from mediaserver.errors import ConfigError


def listening(port: int, *, shared: bool) -> socket.socket:
    door = socket.socket()
    if shared:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        door.bind(("127.0.0.1", port))
        door.listen()
    except OSError:
        door.close()
        raise
    return door


def test_each_worker_has_its_own_media_port() -> None:
    assert [media_port(8081, number) for number in range(3)] == [8081, 8082, 8083]
    assert [media_port(0, number) for number in range(3)] == [0, 0, 0]


def test_there_must_be_enough_of_them() -> None:
    check(65535, 1)
    check(0, 256)
    with pytest.raises(ConfigError) as refused:
        check(65535, 2)
    assert refused.value.path == "media.port"


def test_workers_share_what_is_held_and_strangers_do_not() -> None:
    with reserved("127.0.0.1", 0) as port:
        with listening(port, shared=True), listening(port, shared=True), pytest.raises(OSError, match="in use"):
            listening(port, shared=False)
        with listening(port, shared=True), socket.create_connection(("127.0.0.1", port)):
            pass  # nobody waits in vain at the one that only holds the port
    listening(port, shared=False).close()


@pytest.mark.parametrize("shared", [True, False])
def test_a_port_of_another_server_is_taken_though_it_would_share(shared: bool) -> None:
    with (
        listening(0, shared=shared) as door,
        pytest.raises(OSError, match="in use"),
        reserved("127.0.0.1", door.getsockname()[1]),
    ):
        pass


def test_all_addresses_of_a_name_get_the_same_port() -> None:
    with reserved("", 0) as port:
        assert port
