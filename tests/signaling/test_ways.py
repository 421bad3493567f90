from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mediaserver.config import Config, Continuity, Model
from mediaserver.conversation.phrases import Phrases
from mediaserver.toolconfig import ToolFiller
from signaling.ways import open_ways, phrases_of
from tests.fakes.provider import Provider, abilities

MODELS = {
    "main": Model(bridge="openai", provider={"region": "eu"}, fallbacks=("spare", "local"), tools=("look_up",)),
    "spare": Model(bridge="openai", provider={"url": "wss://spare.example"}),
    "alone": Model(bridge="openai", provider={"key": "k"}),
    "local": Model(),
}


class Tools:
    def __init__(self) -> None:
        self.asked: list[Any] = []

    def only(self, names: Sequence[str] | None) -> Any:
        self.asked.append(names)
        return ("some", names)


def opened(config: Config) -> tuple[Any, list[str], Tools]:
    made: list[str] = []
    tools = Tools()

    def make(name: str) -> Provider:
        made.append(name)
        return Provider(name=name, capabilities=abilities(rate=24000))

    return open_ways(config, dict.fromkeys(config.models, make), tools, Phrases(24000)), made, tools  # type: ignore[arg-type]


def test_a_route_is_the_model_and_its_fallbacks_in_order() -> None:
    ways, made, tools = opened(Config(models=MODELS))
    assert [place.name for place in ways["main"].route] == ["main", "spare", "local"]
    assert [place.name for place in ways["local"].route] == ["local"]
    made.clear()
    assert ways["main"].route[1].make().name == "spare"
    assert made == ["spare"]
    assert tools.asked == [("look_up",), None, None, None]
    assert ways["main"].support.tools == ("some", ("look_up",))
    assert ways["main"].capabilities.input_rate == 24000


def test_breakers_tell_providers_regions_and_accounts_apart_and_are_shared() -> None:
    ways, _, _ = opened(Config(models=MODELS))
    keys = {name: (ways[name].route[0].provider, ways[name].route[0].region) for name in MODELS}
    assert keys["main"] == ("openai", "eu")
    assert keys["spare"] == ("openai", "wss://spare.example")
    assert keys["alone"] == ("openai", "")
    assert keys["local"] == ("hybrid", "local")
    assert len({id(way.support.health) for way in ways.values()}) == 1


def test_what_the_configuration_says_of_continuity_is_what_calls_get() -> None:
    how = Continuity(
        stall_s=2,
        slow_s=9,
        silent_s=11,
        switch_s=3,
        give_up_s=4,
        margin_s=50,
        attempts=5,
        apology="Sorry.",
        moment="Wait.",
    )
    ways, _, _ = opened(Config(models=MODELS, continuity=how))
    support = ways["alone"].support
    steady = support.steadiness
    assert (steady.attempts, steady.switch_s, steady.give_up_s, steady.margin_s) == (5, 3, 4, 50)
    assert (steady.alertness.stall_s, steady.alertness.slow_s, steady.alertness.silent_s) == (2, 9, 11)
    assert (support.apology, support.moment) == ("Sorry.", "Wait.")


def test_only_what_is_said_is_rehearsed() -> None:
    said = {
        "continuity": Continuity(apology="Sorry.", moment=""),
        "tool_filler": ToolFiller(phrases=("One moment.", "Still at it.")),
    }
    remote = {**Config().models, "far": Model(bridge="openai", provider={"key": "k"})}
    assert phrases_of(Config(models=remote, **said)) == ("Sorry.", "One moment.", "Still at it.")  # type: ignore[arg-type]
    assert phrases_of(Config(**said)) == ("One moment.", "Still at it.")  # type: ignore[arg-type]


def test_the_calls_of_a_model_are_recorded_unless_it_says_otherwise() -> None:
    models = MODELS | {"private": Model(recording=False)}
    begun: list[Any] = []

    def begin(*how: Any) -> Any:
        begun.append(how)
        return "a tape"

    def make(name: str) -> Provider:
        return Provider(name=name, capabilities=abilities(rate=24000))

    config = Config(models=models)
    ways = open_ways(config, dict.fromkeys(models, make), Tools(), Phrases(24000), begin)  # type: ignore[arg-type]
    assert ways["private"].support.tape("rtc_1", 16000, 24000, 1.0) is None
    assert ways["main"].support.tape("rtc_1", 16000, 24000, 1.0) == "a tape"
    assert begun == [("rtc_1", 16000, 24000, 1.0)]
