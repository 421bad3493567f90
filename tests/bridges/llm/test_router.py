import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import msgspec
import pytest

from bridges.llm.options import Router
from bridges.llm.router import LONG, Route, RoutedModel, open_router
from bridges.llm.routes import read_routes
from mediaserver.breaker import Breaker, BreakerSettings
from mediaserver.errors import BridgeError
from mediaserver.speech import FREE, Message, Piece, Terms, ToolRequest
from tests.servers.anthropic_messages import AnthropicServer
from tests.servers.chat_completions import ChatServer, text
from tests.servers.gemini_generate import GeminiServer
from tests.servers.sse_model import ModelServer, model_server

ASK = (Message("system", "be brief"), Message("user", "a table for four"))
WEATHER = (Message("user", "how is the weather today"),)
BUSY = BridgeError("busy", code="unavailable")
Script = Sequence[Piece | BridgeError | float]


class Engine:
    """A language model that says a script: words, a failure, or a wait in seconds."""

    def __init__(self, *script: str | ToolRequest | BridgeError | float) -> None:
        self.script: Script = script
        self.asked: list[tuple[Message, ...]] = []
        self.closed = 0
        self.warmed = False

    async def warm(self) -> None:
        self.warmed = True

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        self.asked.append(tuple(messages))
        try:
            for each in self.script:
                if isinstance(each, BridgeError):
                    raise BridgeError(each.message, code=each.code)
                if isinstance(each, float):
                    await asyncio.sleep(each)
                else:
                    yield each
        finally:
            self.closed += 1


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def routed(
    engines: dict[str, Engine],
    clock: Callable[[], float] = lambda: 100.0,
    classifier: Engine | None = None,
    **told: Any,
) -> RoutedModel:
    routes = {name: {"engine": "vllm", "model": "m", "cost": {"input": 1, "output": 1}} for name in engines}
    chosen = msgspec.convert({"routes": routes, **told}, Router)
    plans = read_routes(chosen)
    made = [
        Route(name, engine, plans[name], Breaker(BreakerSettings(), lambda: 0.0)) for name, engine in engines.items()
    ]
    return RoutedModel(chosen, made, classifier, clock)


async def said(model: RoutedModel, messages: Sequence[Message] = ASK) -> list[Any]:
    return [piece async for piece in model.reply(messages)]


async def test_a_class_goes_to_its_route() -> None:
    engines = {"gpt": Engine("table"), "grok": Engine("sunny")}
    model = routed(engines, classes={"live": ["grok"], "other": ["gpt"]})
    assert await said(model, WEATHER) == ["sunny"]
    assert await said(model) == ["table"]


async def test_the_next_one_answers_before_a_word_was_said(caplog: pytest.LogCaptureFixture) -> None:
    engines = {"a": Engine(BUSY), "b": Engine(5.0, "late"), "c": Engine("here")}
    with caplog.at_level(logging.INFO, "bridges.llm.router"):
        assert await said(routed(engines, first_s=0.02)) == ["here"]
    assert engines["b"].closed == 1
    assert "an answer begins: route c, class other, tried 3" in caplog.text
    assert "table" not in caplog.text


async def test_after_a_word_a_failure_is_the_answers() -> None:
    engines = {"a": Engine("One", BUSY), "b": Engine("Two")}
    answer = routed(engines).reply(ASK)
    assert await anext(answer) == "One"
    with pytest.raises(BridgeError, match="busy"):
        await anext(answer)
    assert engines["b"].asked == []


async def test_when_nobody_answers_the_last_failure_is_told() -> None:
    engines = {"a": Engine(BUSY), "b": Engine(BridgeError("no", code="unauthorized"))}
    with pytest.raises(BridgeError) as failed:
        await said(routed(engines))
    assert failed.value.code == "unauthorized"


async def test_a_route_that_fails_is_left_alone_and_then_tried_once() -> None:
    clock = Time()
    engines = {"a": Engine(BUSY), "b": Engine("here")}
    model = routed(engines, clock)
    for _ in range(7):
        assert await said(model) == ["here"]
    assert len(engines["a"].asked) == 5
    clock.now += 6
    engines["a"].script = ["well"]
    assert await said(model) == ["well"]
    assert await said(model) == ["well"]


async def test_nobody_is_asked_while_all_are_left_alone() -> None:
    engines = {"a": Engine(BUSY)}
    model = routed(engines)
    for _ in range(6):
        with pytest.raises(BridgeError) as failed:
            await said(model)
    assert (len(engines["a"].asked), failed.value.code) == (5, "unavailable")


async def test_the_model_that_called_a_function_reads_the_answer() -> None:
    call = ToolRequest("call_1", "get_weather", "{}")
    engines = {"gpt": Engine("table"), "grok": Engine(call)}
    model = routed(engines, classes={"live": ["grok"], "other": ["gpt"]})
    await said(model, WEATHER)
    result = (Message("user", "a table"), Message("assistant", calls=(call,)), Message("tool", "x", call_id="call_1"))
    assert await said(model, result) == [call]


async def test_the_fastest_is_asked_first() -> None:
    clock = Time()
    engines = {"slow": Engine("slow"), "fast": Engine("fast")}
    model = routed(engines, clock, prefer="fastest")
    slow, fast = model._routes["slow"].latency, model._routes["fast"].latency
    slow.saw(0.9, clock())
    fast.saw(0.2, clock())
    assert await said(model) == ["fast"]


async def test_a_classifier_is_asked_where_words_do_not_decide() -> None:
    engines, judge = {"gpt": Engine("table"), "grok": Engine("sunny")}, Engine("Live", ".", 9.0)
    model = routed(engines, classifier=judge, classes={"live": ["grok"], "other": ["gpt"]})
    assert await said(model) == ["sunny"]
    assert judge.asked[0][-1] == Message("user", "a table for four")
    assert judge.closed == 1
    assert await said(model, WEATHER) == ["sunny"]
    assert len(judge.asked) == 1


@pytest.mark.parametrize("judge", [Engine(9.0, "live"), Engine(BUSY), Engine("I cannot say")])
async def test_a_classifier_that_is_no_help_leaves_it_to_the_words(judge: Engine) -> None:
    engines = {"gpt": Engine("table"), "grok": Engine("sunny")}
    told = {"classes": {"live": ["grok"], "other": ["gpt"]}, "classifier_s": 0.02}
    assert await said(routed(engines, classifier=judge, **told)) == ["table"]


async def test_leaving_it_leaves_the_route_and_says_nothing_of_it() -> None:
    engines = {"a": Engine("One", 9.0)}
    model = routed(engines)
    async with aclosing(model.reply(ASK)) as pieces:
        assert await anext(pieces) == "One"
    assert engines["a"].closed == 1
    assert model._routes["a"].breaker.may(100.0)


@pytest.mark.parametrize(
    ("code", "asked"),
    [("model_not_found", 1), ("insufficient_quota", 1), ("invalid_request", 8), ("too_large", 8), ("timeout", 5)],
)
async def test_what_a_failure_says_of_the_next_question(code: str, asked: int) -> None:
    engines = {"a": Engine(BridgeError("no", code=code)), "b": Engine("here")}
    model = routed(engines)
    for _ in range(8):
        await said(model)
    assert len(engines["a"].asked) == asked


async def test_one_who_goes_away_before_the_first_word_lets_another_one_try() -> None:
    clock = Time()
    engines = {"a": Engine(BUSY), "b": Engine("here")}
    model = routed(engines, clock)
    for _ in range(5):
        await said(model)
    clock.now += 6
    engines["a"].script = [9.0]
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(said(model))
        while len(engines["a"].asked) < 6:
            await asyncio.sleep(0)
        asking.cancel()
    engines["a"].script = ["well"]
    assert await said(model) == ["well"]


async def test_a_refused_account_is_left_alone_for_longer() -> None:
    chosen = msgspec.convert({"routes": {"a": {"engine": "local"}}, "rest_s": 2}, Router)
    async with open_router(chosen) as model:
        breaker = model._routes["a"].breaker
        breaker.failed("unauthorized", 0.0)
        assert not breaker.may(2.0 * LONG - 1) and breaker.may(2.0 * LONG * 1.2)


async def test_an_answer_without_a_word_is_one() -> None:
    assert await said(routed({"a": Engine(), "b": Engine("no")})) == []


async def test_engines_get_ready_ahead() -> None:
    engines = {"a": Engine(), "b": Engine()}
    await routed(engines).warm()
    assert all(engine.warmed for engine in engines.values())


@asynccontextmanager
async def three() -> AsyncIterator[tuple[list[ModelServer], RoutedModel]]:
    """Three real engines behind a router, in this order."""
    kinds: tuple[type[ModelServer], ...] = (ChatServer, AnthropicServer, GeminiServer)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(model_server(kind)) for kind in kinds]
        names = ("groq", "anthropic", "gemini")
        routes = {
            name: {"engine": name, "model": "m", "url": server.base_url, "attempts": 1}
            for name, server in zip(names, servers, strict=True)
        }
        chosen = msgspec.convert({"routes": routes, "first_s": 2}, Router)
        yield servers, await stack.enter_async_context(open_router(chosen))


async def test_real_engines_one_after_the_other() -> None:
    async with three() as ((first, second, third), model):
        first.status, second.status, third.events = 503, 529, third.say("Here.")
        second.error = {"type": "overloaded_error", "message": "busy"}
        assert (await said(model))[0] == "Here."
        assert [len(each.requests) for each in (first, second, third)] == [1, 1, 1]
        first.status, first.events, first.hold = 200, text("Hi.")[:2], True
        async with aclosing(model.reply(ASK)) as pieces:
            assert await anext(pieces) == "Hi."
        await asyncio.wait_for(first.left.wait(), 5)
