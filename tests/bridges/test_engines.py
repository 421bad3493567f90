"""Engines by name, and those behind them."""

import pytest

from bridges.backup.mind import BackupMind
from bridges.engines import open_engine, read_line
from bridges.local.responder import Responder
from mediaserver.errors import ConfigError
from mediaserver.speech import Message


async def test_one_engine_is_itself() -> None:
    async with open_engine("llm", {}) as engine:
        assert isinstance(engine, Responder)


async def test_with_others_behind_it_they_are_one() -> None:
    async with open_engine("llm", {"engine": "local", "fallbacks": [{"engine": "local"}], "begin_s": 2}) as engine:
        assert isinstance(engine, BackupMind)
        answer = [piece async for piece in engine.reply([Message("user", "what is two plus three")])]
        assert "5" in "".join(piece for piece in answer if isinstance(piece, str))


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"engine": "nobody"}, "llm"),
        ({"colour": 1}, "llm"),
        ({"fallbacks": [{"engine": "nobody"}]}, "llm.fallbacks[0]"),
        ({"fallbacks": [{"fallbacks": []}]}, "llm.fallbacks[0]"),
        ({"begin_s": -1}, "llm.begin_s"),
    ],
)
def test_what_cannot_be_is_refused_at_once(settings: dict[str, object], path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_line("llm", settings, "llm")
    assert refused.value.path.startswith(path)
    with pytest.raises(ConfigError):
        open_engine("llm", settings, "llm")
