import asyncio
import gc
import weakref

import pytest

from signaling.tidy import Tidy


class Loop:
    """Refers to itself, as ended calls do."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize(("calls", "left"), [([], False), ([1], True)])
async def test_what_is_left_in_cycles_goes_when_nobody_calls(
    calls: list[int], left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.tidy.IDLE_S", 0.05)
    gc.disable()
    try:
        knot = weakref.ref(Loop())
        tidy = Tidy()
        tidy.soon(calls)
        tidy.soon(calls)
        await asyncio.sleep(0.2)
        assert (knot() is not None) is left
    finally:
        gc.enable()
