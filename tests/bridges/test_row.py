"""The rows of engines name functions that are there and take the options of their row."""

from __future__ import annotations

import inspect
import sys
import typing

import pytest

from bridges.llm import LLM
from bridges.row import Lazily, Row
from bridges.stt import STT
from bridges.tts import TTS

LAZY = [
    pytest.param(row, id=f"{kind}-{name}")
    for kind, rows in (("stt", STT), ("llm", LLM), ("tts", TTS))
    for name, row in rows.items()
    if isinstance(row.open, Lazily)
]


@pytest.mark.parametrize("row", LAZY)
def test_what_opens_an_engine_takes_its_options(row: Row[object]) -> None:
    assert isinstance(row.open, Lazily)
    opener = inspect.unwrap(row.open.found())
    taken = next(iter(inspect.signature(opener).parameters.values())).annotation
    wanted = eval(taken, vars(sys.modules[opener.__module__]))
    assert issubclass(row.options, typing.get_args(wanted) or wanted)


def test_nothing_is_imported_before_it_is_opened() -> None:
    with pytest.raises(ModuleNotFoundError):
        Lazily("nowhere", "open_it").found()
