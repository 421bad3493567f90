"""A router's options read: which engine each route is, at what cost, and which routes a class asks.

Everything that cannot be is found here, when the configuration is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import msgspec

from bridges.llm import classify, scores
from bridges.llm.options import Cost, Router
from bridges.options import Seconds
from bridges.row import Row
from mediaserver.speech import LanguageModel


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine, ready to be opened. ``cost`` as :func:`bridges.llm.scores.cost` counts it."""

    row: Row[LanguageModel]
    chosen: msgspec.Struct
    cost: int = 0
    first_s: float = 0.0

    def open(self) -> AbstractAsyncContextManager[LanguageModel]:
        """Open the engine."""
        return self.row.open(self.chosen)


def read_routes(chosen: Router) -> dict[str, Plan]:
    """Return the routes by name. Raises ValueError, which names the place and never a value."""
    if not chosen.routes:
        raise ValueError("routes: a router needs at least one")
    return {name: _route(chosen, f"routes.{name}", told) for name, told in chosen.routes.items()}


def read_classifier(chosen: Router) -> Plan | None:
    """Return the classifier, where there is one. Raises ValueError."""
    return None if chosen.classifier is None else _engine("classifier", chosen.classifier)


def read_rules(chosen: Router) -> tuple[classify.Rule, ...]:
    """Return the operator's rules. Raises ValueError, also for a class or a route that nobody knows."""
    for name, routes in chosen.classes.items():
        if not routes or set(routes) - chosen.routes.keys():
            raise ValueError(f"classes.{name}: names of routes are wanted")
    return tuple(_rule(chosen, place) for place in range(len(chosen.rules)))


def class_names(chosen: Router) -> tuple[str, ...]:
    """Return every class that a question can have."""
    return tuple(dict.fromkeys((*classify.CLASSES, *chosen.classes)))


def routes_of(chosen: Router, name: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the routes that a class asks, and those that are left when none of them answers."""
    others = chosen.classes.get(classify.OTHER, tuple(chosen.routes))
    first = chosen.classes.get(name, others)
    return first, [other for other in others if other not in first]


def _route(chosen: Router, path: str, options: Mapping[str, Any]) -> Plan:
    told = dict(options)
    price = _read(f"{path}.cost", told.pop("cost", None), Cost | None)
    first_s = _read(f"{path}.first_s", told.pop("first_s", chosen.first_s), Seconds)
    if price is None and chosen.prefer in ("cheapest", "balanced"):
        raise ValueError(f"{path}.cost: is missing, and prefer: {chosen.prefer} compares costs")
    plan = _engine(path, told)
    return Plan(plan.row, plan.chosen, 0 if price is None else scores.cost(price.input, price.output), first_s)


def _engine(path: str, options: Mapping[str, Any]) -> Plan:
    from bridges.llm import LLM

    told = dict(options)
    row = LLM.get(str(told.pop("engine", "")))
    if row is None or row.options is Router:
        raise ValueError(f"{path}.engine: one of {', '.join(name for name in LLM if name != 'router')} is wanted")
    return Plan(row, _read(path, told, row.options))


def _read(path: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise ValueError(f"{path}: {problem}") from None


def _rule(chosen: Router, place: int) -> classify.Rule:
    rule, path = chosen.rules[place], f"rules[{place}]"
    if rule.to not in class_names(chosen):
        raise ValueError(f"{path}.to: there is no such class")
    if bool(rule.words) == bool(rule.pattern):
        raise ValueError(f"{path}: either words or a pattern")
    try:
        return classify.Rule(rule.to, re.compile(rule.pattern) if rule.pattern else classify.words(rule.words))
    except re.error:
        raise ValueError(f"{path}.pattern: is no regular expression") from None
