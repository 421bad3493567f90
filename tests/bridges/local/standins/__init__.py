"""Stand-ins for packages whose models cannot be had everywhere: found in place of the real ones, in workers too."""

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def use(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Import these modules anew, over the stand-ins, until the test is over; worker processes find the stand-ins too."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(FOLDER), os.environ.get("PYTHONPATH")))))
    forget(monkeypatch, *modules)


def forget(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Import these modules anew, and again when the test is over."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)  # remembers what was there, or that nothing was
        del sys.modules[module]
