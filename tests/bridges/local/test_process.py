import asyncio
import os

import pytest

from bridges.local.messages import Begin, End, Missing, Reply
from bridges.local.process import start


async def test_a_worker_that_cannot_load_says_why_and_ends() -> None:
    said: list[Reply] = []
    async with start("voice", {"engine_order": ["nonesuch"]}) as worker:
        worker.send(Begin(1, {}))
        await asyncio.wait_for(worker.serve(said.append), 20)
        worker.send(End(1))
    assert isinstance(said[0], Missing)


async def test_what_a_broken_worker_writes_is_kept_and_bounded() -> None:
    async with start("nonesuch", {}) as worker:
        await asyncio.wait_for(worker.serve(lambda reply: None), 20)
    assert "KeyError" in worker.last_words()
    assert len(worker.last_words()) <= 500


async def test_it_is_gone_when_the_context_is_left() -> None:
    async with start("voice", {"engine_order": ["nonesuch"]}) as worker:
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


async def test_workers_inherit_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_API_KEY", "sk-secret")
    async with start("recogniser", {}) as worker:
        with open(f"/proc/{worker.pid}/environ", "rb") as environment:  # noqa: PTH123
            assert b"sk-secret" not in environment.read()
