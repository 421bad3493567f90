from collections.abc import AsyncGenerator

import pytest

from bridges.stt.bounded import bounded
from mediaserver.errors import BridgeError


async def pieces() -> AsyncGenerator[bytes, None]:
    for _ in range(3):
        yield b"12345"


async def test_an_answer_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert [piece async for piece in bounded(pieces(), "it", 15)] == [b"12345"] * 3
    with pytest.raises(BridgeError, match="it sent too large") as failed:
        assert [piece async for piece in bounded(pieces(), "it", 14)]
    assert failed.value.code == "too_large"
