from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mediaserver.audioconfig import Batch
from mediaserver.errors import BadRequest, BridgeError, NotFound, Overloaded
from mediaserver.gateway.principal import Principal
from signaling.audio.batch import works as module
from signaling.audio.batch.book import SPEECH, Book, Spec
from signaling.audio.batch.shelf import Shelf
from signaling.audio.batch.works import Works

ANN, BOB = Principal("ann", frozenset()), Principal("bob", frozenset())


@dataclass
class Hands:
    """Writes each input in capitals; raises what it is told for an input of that name."""

    fails: dict[str, list[Exception]] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    done: list[str] = field(default_factory=list)
    at_once: int = 0
    most: int = 0

    async def work(self, spec: Spec, given: Path, out: Path) -> str:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            text = given.read_text()
            if self.fails.get(text):
                raise self.fails[text].pop(0)
            out.write_text(text.upper())
            self.done.append(text)
            return "text/plain"
        finally:
            self.at_once -= 1


@asynccontextmanager
async def working(
    folder: Path, hands: Hands, wall: Callable[[], float] = lambda: 100, **how: int
) -> AsyncIterator[Works]:
    works = Works(Batch(**how), Shelf(folder, lambda name: True), hands.work, wall)
    async with works.opened():
        yield works


async def add(works: Works, name: str, *texts: str, owner: str = "ann", expires: int = 1000) -> Book:
    with works.shelf.making(name) as inputs:
        for index, text in enumerate(texts):
            (inputs / f"{index:06d}").write_text(text)
        return await works.add(Spec(name, owner, SPEECH, 100, expires, texts))


async def until(book: Book, status: str, now: float = 100) -> None:
    async with asyncio.timeout(5):
        while book.status(now) != status:
            await asyncio.sleep(0.01)


async def test_every_item_is_done_a_few_at_once_and_what_fails_says_why(tmp_path: Path) -> None:
    hands = Hands({"c": [BadRequest("no", param="input")], "d": [RuntimeError("secret text")]})
    async with working(tmp_path, hands, concurrency=2) as works:
        book = await add(works, "batch_1", *"abcdef")
        await until(book, "completed")
        assert works.shelf.result("batch_1", 0).read_text() == "A"
    assert sorted(hands.done) == [*"abef"] and hands.most == 2
    assert book.done[2].error == {
        "message": "no",
        "type": "invalid_request_error",
        "param": "input",
        "code": "invalid_request",
    }
    assert book.done[3].status == "failed" and "secret" not in str(book.done[3].error)


async def test_a_busy_engine_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.01)
    busy = BridgeError("busy", code="rate_limited", retry_after=60)
    hands = Hands({"a": [busy], "b": [busy] * 3})
    async with working(tmp_path, hands) as works:
        book = await add(works, "batch_1", "a", "b")
        await until(book, "completed")
    assert book.done[0].status == "completed" and book.done[1].status == "failed"


async def test_after_a_restart_only_what_is_left_is_done(tmp_path: Path) -> None:
    first = Hands()
    async with working(tmp_path, first, concurrency=1) as works:
        book = await add(works, "batch_1", "a", "b", "c")
        while not book.done:
            await asyncio.sleep(0)
        first.gate = asyncio.Event()
    done = len(book.done)
    assert 0 < done < 3
    second = Hands()
    async with working(tmp_path, second) as works:
        again = works.find("batch_1", ANN)
        await until(again, "completed")
    assert sorted(second.done) == [*"abc"][done:]


async def test_batches_take_turns(tmp_path: Path) -> None:
    hands = Hands(gate=asyncio.Event())
    async with working(tmp_path, hands, concurrency=1) as works:
        one = await add(works, "batch_1", "a1", "a2", "a3")
        two = await add(works, "batch_2", "b1")
        hands.gate.set()  # type: ignore[union-attr]
        await until(one, "completed")
        await until(two, "completed")
    assert hands.done.index("b1") < 3


async def test_a_cancelled_batch_begins_no_more(tmp_path: Path) -> None:
    hands = Hands(gate=asyncio.Event())
    async with working(tmp_path, hands, concurrency=1) as works:
        book = await add(works, "batch_1", "a", "b")
        while not hands.at_once:
            await asyncio.sleep(0)
        await works.cancel(book)
        assert book.status(100) == "cancelling"
        hands.gate.set()  # type: ignore[union-attr]
        await until(book, "cancelled")
    async with working(tmp_path, second := Hands()) as works:
        assert works.find("batch_1", ANN).status(100) == "cancelled"
    assert hands.done == ["a"] and not second.done


async def test_batches_are_their_keys_own_and_not_too_many(tmp_path: Path) -> None:
    async with working(tmp_path, Hands(), max_batches=1) as works:
        book = await add(works, "batch_1", "a")
        assert works.of(ANN) == [book] and works.of(BOB) == []
        for name, who in (("batch_1", BOB), ("batch_2", ANN)):
            with pytest.raises(NotFound):
                works.find(name, who)
        with pytest.raises(Overloaded):
            works.check(ANN)
        works.check(BOB)
        await works.remove(book)
        works.check(ANN)
        assert list(tmp_path.iterdir()) == []


async def test_a_batch_whose_time_is_over_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    now = 100.0
    async with working(tmp_path, Hands(), lambda: now) as works:
        book = await add(works, "batch_1", "a", expires=200)
        await until(book, "completed")
        now = 200.0
        async with asyncio.timeout(5):
            while works.of(ANN) or list(tmp_path.iterdir()):
                await asyncio.sleep(0.01)
