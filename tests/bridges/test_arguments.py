import pytest
from msgspec import Raw

from bridges.arguments import MAX_ARGUMENTS, arguments
from bridges.codec import Garbled


def test_an_object_is_its_own_text() -> None:
    assert arguments(Raw(b' {"city": "K\xc3\xb6ln"}\n')) == '{"city": "Köln"}'


@pytest.mark.parametrize(
    "raw", [b"", b"7", b"null", b'"{}"', b"[{}]", b'{"a":"\xff"}', b'{"a":"' + b"b" * MAX_ARGUMENTS + b'"}']
)
def test_what_is_no_object_no_text_or_far_too_long_is_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled):
        arguments(Raw(raw))
