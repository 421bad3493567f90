"""Several language models as one: each question is sent to the routes of its class until one of them answers.

A route that failed before its first word is followed by the next; after that a failure is the answer's, since a caller
would hear the beginning twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from bridges.llm import scores
from bridges.llm.classify import classify, named
from bridges.llm.failures import WHO
from bridges.llm.options import Router
from bridges.llm.routes import Plan, class_names, read_classifier, read_routes, read_rules, routes_of
from mediaserver.breaker import Breaker, BreakerSettings
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BridgeError
from mediaserver.remember import remember
from mediaserver.speech import FREE, LanguageModel, Message, Piece, Terms, ToolRequest, Warm

log = logging.getLogger(__name__)

MOST_CALLS = 4096
"""Calls of functions whose route is remembered: the model that asked reads the answer."""
MOST_ASKED_CHARS = 500
LONG = 12
"""A route that refuses our account is left alone so many times as long as one that fails."""

WEIGHTS = {
    "invalid_request": "refused",  # this question's fault: it says nothing of the route
    "too_large": "refused",
    "context_length_exceeded": "refused",
    "permission_denied": "unauthorized",  # our account's: every other question would be refused too
    "model_not_found": "unauthorized",
    "insufficient_quota": "unauthorized",
}
"""Codes that weigh like another one for the breaker (:data:`mediaserver.breaker.WEIGHTS`)."""
_INSTRUCTION = "Say in one word what the user's message is about, and nothing else. The words are: {names}."
_ONE_WORD = Terms(max_tokens=8, temperature=0.0)

Pieces = AsyncGenerator[Piece, None]


@dataclass(slots=True)
class Route:
    """One engine and what is known of it."""

    name: str
    engine: LanguageModel
    plan: Plan
    breaker: Breaker
    latency: scores.Latency = field(default_factory=scores.Latency)

    def failed(self, failure: BridgeError, now: float) -> None:
        """Note a failure."""
        self.breaker.failed(WEIGHTS.get(failure.code, failure.code), now)

    def left(self, now: float) -> None:
        """Note that whoever asked went away, which says nothing."""
        self.breaker.failed("refused", now)


class RoutedModel:
    """Satisfies :class:`mediaserver.speech.LanguageModel` with those of its routes, which it does not own."""

    def __init__(
        self, chosen: Router, routes: Sequence[Route], classifier: LanguageModel | None, clock: Clock = monotonic
    ) -> None:
        self._chosen = chosen
        self._routes = {route.name: route for route in routes}
        self._classifier = classifier
        self._rules = read_rules(chosen)
        self._names = class_names(chosen)
        self._callers: dict[str, str] = {}
        self._clock = clock

    async def warm(self) -> None:
        """Let every engine get ready."""
        engines = (*(route.engine for route in self._routes.values()), self._classifier)
        async with asyncio.TaskGroup() as tasks:
            for engine in engines:
                if isinstance(engine, Warm):
                    tasks.create_task(engine.warm())

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> Pieces:
        """Yield the answer of the first route that begins one. Raises BridgeError, the last route's where none does."""
        about = await self._about(messages)
        order = self._order(about, messages)
        failure = BridgeError(f"{WHO} is left alone after failures", code="unavailable")
        for place, route in enumerate(order):
            if not route.breaker.allow(self._clock()):
                continue  # it failed for others meanwhile
            try:
                async with aclosing(self._begun(route, messages, terms, last=place == len(order) - 1)) as pieces:
                    first = await anext(pieces, None)
                    log.info("an answer begins: route %s, class %s, tried %d", route.name, about, place + 1)
                    if first is not None:
                        yield first
                        async for piece in pieces:
                            yield piece
                    return
            except _NotBegun as failed:
                failure = failed.failure
                log.warning("a route did not answer: %s, class %s, %s", route.name, about, failure.code)
        raise failure

    # --- which route --------------------------------------------------------------------------------------------------

    def _order(self, about: str, messages: Sequence[Message]) -> list[Route]:
        """Return the routes to ask: the one whose function was called, those of the class, and those that are left."""
        now = self._clock()
        costs = {name: route.plan.cost for name, route in self._routes.items()}
        seconds = {name: route.latency.seconds(now) for name, route in self._routes.items()}
        first, left = routes_of(self._chosen, about)
        ranked = [*scores.ordered(first, self._chosen.prefer, costs, seconds), *left]
        if messages and (caller := self._callers.get(messages[-1].call_id or "")):
            ranked = list(dict.fromkeys((caller, *ranked)))
        return [route for name in ranked if (route := self._routes[name]).breaker.may(now)]

    async def _about(self, messages: Sequence[Message]) -> str:
        said = [message.text for message in messages if message.role == "user"]
        guess = classify(said, self._rules, counted=self._chosen.builtin)
        goes_on = bool(messages) and messages[-1].role == "tool"
        if guess.clear or self._classifier is None or not said or goes_on:
            return guess.name
        return await self._second_opinion(self._classifier, said[-1]) or guess.name

    async def _second_opinion(self, classifier: LanguageModel, said: str) -> str | None:
        instruction = Message("system", _INSTRUCTION.format(names=", ".join(self._names)))
        question = (instruction, Message("user", said[-MOST_ASKED_CHARS:]))
        try:
            async with asyncio.timeout(self._chosen.classifier_s):
                async with aclosing(_closable(classifier.reply(question, _ONE_WORD))) as pieces:
                    return await self._first_name(pieces)
        except (TimeoutError, BridgeError) as late:
            log.info("the classifier did not answer: %s", getattr(late, "code", "timeout"))
            return None

    async def _first_name(self, pieces: Pieces) -> str | None:
        text = ""
        async for piece in pieces:
            text += piece if isinstance(piece, str) else ""
            if (name := named(text, self._names)) or len(text) > MOST_ASKED_CHARS:
                return name
        return None

    # --- one route ----------------------------------------------------------------------------------------------------

    async def _begun(self, route: Route, messages: Sequence[Message], terms: Terms, *, last: bool) -> Pieces:
        """Yield a route's answer and note how it did. Raises _NotBegun for a failure before the first piece."""
        began, limit = self._clock(), None if last else route.plan.first_s
        try:
            async with aclosing(_closable(route.engine.reply(messages, terms))) as pieces:
                first = await _first(pieces, limit)
                now = self._clock()
                route.latency.saw(now - began, now)
                route.breaker.succeeded(now)
                if first is None:
                    return
                self._note(first, route)
                yield first
                async for piece in pieces:
                    self._note(piece, route)
                    yield piece
        except _NotBegun as failed:
            now = self._clock()
            route.latency.saw(now - began, now)
            route.failed(failed.failure, now)
            raise
        except BridgeError as failure:
            route.failed(failure, self._clock())
            raise
        except (GeneratorExit, asyncio.CancelledError):
            route.left(self._clock())
            raise

    def _note(self, piece: Piece, route: Route) -> None:
        if isinstance(piece, ToolRequest):
            remember(self._callers, piece.call_id, route.name, MOST_CALLS)


class _NotBegun(Exception):
    """A route failed before its first piece, so that another one can answer."""

    def __init__(self, failure: BridgeError) -> None:
        super().__init__(failure.message)
        self.failure = failure


async def _first(pieces: Pieces, limit: float | None) -> Piece | None:
    try:
        async with asyncio.timeout(limit):
            return await anext(pieces, None)
    except TimeoutError:
        raise _NotBegun(BridgeError(f"{WHO} did not begin in time", code="timeout")) from None
    except BridgeError as failure:
        raise _NotBegun(failure) from failure


def _closable(pieces: AsyncIterator[Piece]) -> Pieces:
    """Every engine of the table is an async generator; its Protocol says so in words only."""
    return cast(Pieces, pieces)


@asynccontextmanager
async def open_router(chosen: Router) -> AsyncIterator[RoutedModel]:
    """Open every route and the classifier; they are closed with the context. Raises BridgeError and ConfigError."""
    async with AsyncExitStack() as engines:
        routes = [
            Route(name, await engines.enter_async_context(plan.open()), plan, _breaker(chosen))
            for name, plan in read_routes(chosen).items()
        ]
        plan = read_classifier(chosen)
        classifier = None if plan is None else await engines.enter_async_context(plan.open())
        yield RoutedModel(chosen, routes, classifier)


def _breaker(chosen: Router) -> Breaker:
    longer = chosen.rest_s * LONG
    return Breaker(BreakerSettings(chosen.failures, chosen.within_s, chosen.rest_s, refused_open_s=longer))
