import pytest

from mediaserver.cluster.place import Place, read
from mediaserver.errors import ConfigError


def test_it_is_one_line_and_comes_back_whole() -> None:
    place = Place(1, 3, "/run/x", 8080, b"server:\n  port: 1\n\xff")
    line = place.written()
    assert line.count(b"\n") == 1 and line.endswith(b"\n") and read(line) == place


def test_everybody_has_a_socket_and_others() -> None:
    place = Place(1, 3, "/run/x", 8080)
    assert place.others == (2, 0) and len({place.socket(number) for number in range(3)}) == 3
    assert place.socket(2).startswith("/run/x/")


@pytest.mark.parametrize("line", [b"", b"\n", b"{}", b"hello"])
def test_nobody_is_a_worker_by_hand(line: bytes) -> None:
    with pytest.raises(ConfigError):
        read(line)
