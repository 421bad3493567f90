from typing import Any

import msgspec
import pytest

from bridges.llm.options import Router
from bridges.llm.routes import class_names, read_classifier, read_routes, routes_of

VLLM = {"engine": "vllm", "model": "m"}
COST = {"input": 400, "output": 1600}


def router(**told: Any) -> Router:
    return msgspec.convert({"routes": {"a": VLLM, "b": {**VLLM, "first_s": 1}}, **told}, Router)


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ({"routes": {}}, "routes"),
        ({"routes": {"a": {"model": "m"}}}, "routes.a.engine"),
        ({"routes": {"a": {"engine": "router", "routes": {}}}}, "routes.a.engine"),
        ({"routes": {"a": {**VLLM, "modle": "m"}}}, "routes.a: Object contains unknown field `modle`"),
        ({"routes": {"a": {**VLLM, "cost": {"input": 0.5, "output": 1}}}}, "routes.a.cost"),
        ({"routes": {"a": {**VLLM, "first_s": 0}}}, "routes.a.first_s"),
        ({"prefer": "cheapest"}, "routes.a.cost"),
        ({"classes": {"live": ["c"]}}, "classes.live"),
        ({"classes": {"live": []}}, "classes.live"),
        ({"rules": [{"to": "nowhere", "words": ["x"]}]}, r"rules\[0\].to"),
        ({"rules": [{"to": "live"}]}, r"rules\[0\]"),
        ({"rules": [{"to": "live", "pattern": "("}]}, r"rules\[0\].pattern"),
        ({"classifier": {"engine": "vllm"}}, "classifier"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_read(told: dict[str, Any], place: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=place):
        router(**told)


def test_a_value_is_never_repeated() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        router(routes={"a": {**VLLM, "key": 5150}})
    assert "5150" not in str(refused.value)


def test_a_route_is_an_engine_its_cost_and_its_patience() -> None:
    plans = read_routes(router(routes={"a": {**VLLM, "cost": COST}, "b": {**VLLM, "first_s": 1}}))
    assert (plans["a"].cost, plans["a"].first_s, plans["b"].cost, plans["b"].first_s) == (5600, 4.0, 0, 1.0)
    assert read_classifier(router()) is None
    classifier = read_classifier(router(classifier=VLLM))
    assert classifier is not None and classifier.row.options is plans["a"].row.options


def test_a_class_asks_its_routes_and_then_those_that_are_left() -> None:
    chosen = router(classes={"live": ["b"], "vip": ["a"]})
    assert routes_of(chosen, "live") == (("b",), ["a"])
    assert routes_of(chosen, "code") == (("a", "b"), [])
    assert routes_of(router(classes={"other": ["b"], "live": ["a"]}), "code") == (("b",), [])
    assert class_names(chosen)[-1] == "vip"
