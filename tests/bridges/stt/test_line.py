"""What the clock does to a line: signs of life, idle sockets, old ones, and words that belong to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.link import Target
from bridges.stt import line as module
from bridges.stt.deepgram_listen import ListenCodec
from bridges.stt.line import Line
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial, Transcript
from tests.bridges.stt.talking import LONG_S, frames, text, until
from tests.servers.deepgram_listen import DeepgramListen
from tests.servers.provider import Faults

QUERY = "?model=nova-3&encoding=linear16&sample_rate=16000"


class Speaker:
    """A turn that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Partial] = []
        self.text: str | None = None
        self.failure: BridgeError | None = None
        self.ready = False

    def opened(self) -> None:
        self.ready = True

    def partial(self, partial: Partial) -> None:
        self.told.append(partial)

    def done(self, transcript: Transcript) -> None:
        self.text = transcript.text

    def failed(self, failure: BridgeError) -> None:
        self.failure = failure


class Serving:
    """A line to a simulator, on a clock of ours."""

    def __init__(self, server: DeepgramListen) -> None:
        self.now = 100.0
        self.free: list[Line] = []
        self.line = Line(
            Target(server.url + QUERY, {"Authorization": f"Token {server.key}"}),
            ListenCodec(16000),
            connect_s=LONG_S,
            idle_s=60,
            age_s=600,
            on_ready=lambda _: None,
            on_free=self.free.append,
            clock=lambda: self.now,
        )

    async def said(self, sentence: int, words: int) -> Speaker:
        """Say a sentence and wait for its text."""
        speaker = Speaker()
        self.line.use(speaker, "")
        await until(lambda: speaker.ready)
        for frame in frames(sentence, words):
            self.line.hear(frame)
        self.line.finish()
        await until(lambda: speaker.text is not None or speaker.failure is not None)
        return speaker


@asynccontextmanager
async def serving(monkeypatch: pytest.MonkeyPatch, faults: Faults | None = None) -> AsyncIterator[tuple[Any, Serving]]:
    monkeypatch.setattr(module, "TICK_S", 0.02)
    async with DeepgramListen(faults=faults) as server, asyncio.TaskGroup() as tasks, asyncio.timeout(LONG_S):
        served = Serving(server)
        tasks.create_task(served.line.serve())
        yield server, served
        served.line.stop()


async def test_a_line_takes_one_turn_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as (server, served):
        assert served.line.connecting
        for sentence in (1, 2):
            speaker = await served.said(sentence, 3)
            assert speaker.text == text(sentence, 3)
            assert speaker.told[-1].text == text(sentence, 3)
            served.line.release()
        assert served.free == [served.line] * 2
        assert len(server.connections) == 1


async def test_an_idle_line_is_kept_alive_until_it_is_idle_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as (server, served):
        await served.said(1, 3)
        served.line.release()
        for _ in range(3):
            served.now += 4.5
            kept = len(server.last.messages)
            await until(lambda: len(server.last.messages) > kept)  # noqa: B023 - awaited at once
        assert [each["type"] for each in server.last.messages] == ["Finalize", *["KeepAlive"] * 3]
        served.now += 60
        await until(lambda: server.truth.rows)
        assert served.line.over


async def test_an_old_line_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as (_server, served):
        served.now += 599
        await served.said(1, 3)
        served.now += 1
        served.line.release()
        assert served.line.over
        assert not served.free


async def test_a_turn_that_leaves_something_behind_closes_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as (_server, served):
        speaker = Speaker()
        served.line.use(speaker, "")
        await until(lambda: speaker.ready)
        served.line.release()
        assert served.free == [served.line]  # nothing was said on it
        served.line.use(speaker, "")
        served.line.hear(frames(1, 1)[0])
        served.line.release()
        assert served.line.over
        assert served.free == [served.line]


async def test_words_between_turns_close_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as (server, served):
        await served.said(1, 3)
        served.line.release()
        await server.last.listen(b"".join(frames(2, 4)))
        await until(lambda: served.line.over)


async def test_a_provider_that_says_nothing_is_asked_and_then_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as (server, served):
        speaker = Speaker()
        served.line.use(speaker, "")
        await until(lambda: speaker.ready)
        for _ in range(3):  # it answers
            served.now += module.PING_S
            await asyncio.sleep(0.1)
            assert speaker.failure is None
        server.faults.half_open = True
        served.now += module.PING_S
        await until(lambda: speaker.failure is not None)
        assert speaker.failure is not None
        assert (speaker.failure.code, speaker.failure.retryable) == ("timeout", True)


async def test_a_close_in_mid_turn_is_told_whatever_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as (server, served):
        speaker = Speaker()
        served.line.use(speaker, "")
        await until(lambda: speaker.ready)
        await server.last.close(1000)
        await until(lambda: speaker.failure is not None)
        assert speaker.failure is not None
        assert speaker.failure.code == "connection_lost"


async def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, Faults(refuse=429)) as (_, served):
        speaker = Speaker()
        served.line.use(speaker, "")
        await until(lambda: speaker.failure is not None)
        assert speaker.failure is not None
        assert speaker.failure.code == "rate_limited"
        assert served.line.over
