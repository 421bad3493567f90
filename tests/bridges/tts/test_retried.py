from collections.abc import AsyncGenerator

import pytest

from bridges.tts.retried import retried
from mediaserver.breaker import RetryBudget
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound

LOST = BridgeError("gone", code="connection_lost")
BUSY = BridgeError("busy", code="rate_limited", retry_after=0.0)


async def heard(*tries: list[bytes | BridgeError], refusals: bool = True, left: int = 1) -> tuple[list[bytes], int]:
    """Return what is heard, and how many tries were made; each try is its sounds, and perhaps how it fails."""
    made = 0

    async def speak(again: bool) -> AsyncGenerator[Sound, None]:
        nonlocal made
        assert again is bool(made)
        made += 1
        for each in tries[made - 1]:
            if isinstance(each, BridgeError):
                raise each
            yield Sound(each)

    allowance = RetryBudget(reserve=left)
    return [sound.pcm async for sound in retried(speak, allowance, refusals=refusals)], made


async def test_what_failed_before_a_sound_is_tried_once_more() -> None:
    assert await heard([b"a", b"b"]) == ([b"a", b"b"], 1)
    assert await heard([LOST], [b"a"]) == ([b"a"], 2)
    assert await heard([BUSY], [b"a"]) == ([b"a"], 2)


@pytest.mark.parametrize(
    ("tries", "refusals", "left"),
    [
        ([[b"a", LOST]], True, 1),
        ([[LOST], [LOST]], True, 1),
        ([[BUSY]], False, 1),
        ([[BridgeError("no", code="unauthorized", retryable=False)]], True, 1),
        ([[LOST]], True, 0),
    ],
)
async def test_nothing_is_said_twice_and_nobody_is_asked_for_ever(
    tries: list[list[bytes | BridgeError]], refusals: bool, left: int
) -> None:
    with pytest.raises(BridgeError):
        await heard(*tries, refusals=refusals, left=left)
