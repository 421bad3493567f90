"""Around every test: nothing may be left behind. And what tests share: speech, and which of them can run here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from tests import clips, leaks


def pytest_collection_finish() -> None:
    """Everything is imported: from here on what grows is a test's doing."""
    leaks.settle()


@pytest.fixture(autouse=True)
def _leak_meter() -> Iterator[None]:
    """Count before all other fixtures of the test and after them; what is left behind fails the test at its teardown."""
    lost = leaks.LostTasks()
    asyncio_log = logging.getLogger("asyncio")
    asyncio_log.addHandler(lost)
    base = leaks.Census.take()
    with leaks.LeftTasks() as tasks:
        yield
    rest = leaks.residue(base)
    asyncio_log.removeHandler(lost)
    if found := [*tasks.found, *lost.found, *rest]:
        pytest.fail("left behind:\n  " + "\n  ".join(found), pytrace=False)


@pytest.fixture(scope="session")
def clip() -> Callable[[str], clips.Clip]:
    """Give recorded (or else synthesised) speech by name, see ``tests/clips.py``."""
    return clips.clip
