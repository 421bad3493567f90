import asyncio
import ctypes
import gc
import mmap
import weakref
from pathlib import Path

import pytest

from signaling.tidy import Tidy, give_back


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


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc")
def test_memory_that_is_free_goes_back_to_the_system() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    blocks = [libc.malloc(4096) for _ in range(4096)]
    for block in blocks:
        ctypes.memset(block, 1, 4096)
    held = _resident()
    for block in blocks[:-1]:  # the last one keeps the end of the heap where it is
        libc.free(block)
    give_back()
    given = held - _resident()
    libc.free(blocks[-1])
    assert given > 8 << 20, "of 16 MiB"


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE
