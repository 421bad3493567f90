"""Engines by name, and those behind them."""

import pytest

from bridges.backup.mind import BackupMind
from bridges.engines import Shelf, read_line
from bridges.local.responder import Responder
from mediaserver.errors import ConfigError
from mediaserver.speech import Message


async def test_one_engine_is_itself() -> None:
    async with Shelf() as shelf:
        assert isinstance(await shelf.take("llm", {}), Responder)


async def test_what_is_asked_for_twice_is_opened_once() -> None:
    async with Shelf() as shelf:
        ollama = {"engine": "openai_compatible", "base_url": "http://127.0.0.1:1/v1", "model": "a"}
        one, same = await shelf.take("llm", ollama), await shelf.take("llm", dict(reversed(ollama.items())))
        other = await shelf.take("llm", ollama | {"model": "b"})
        assert one is same and one is not other
        assert shelf.has("llm", ollama) and not shelf.has("llm", {})


async def test_with_others_behind_it_they_are_one() -> None:
    async with Shelf() as shelf:
        engine = await shelf.take("llm", {"engine": "local", "fallbacks": [{"engine": "local"}], "begin_s": 2})
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


LOST = {"engine": "google", "credentials": "/nowhere/key.json", "project": "p"}


@pytest.mark.parametrize(
    ("settings", "path"), [(LOST, "stt.credentials"), ({"fallbacks": [LOST]}, "stt.fallbacks[0].credentials")]
)
async def test_what_cannot_be_opened_is_named_where_it_is_configured(settings: dict[str, object], path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        async with Shelf() as shelf:
            await shelf.take("stt", settings, "stt")
    assert refused.value.path == path
