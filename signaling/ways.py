"""From the configured models to what carries their calls: the places of each route, and what helps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mediaserver.bridge import BridgeFactory
from mediaserver.config import Config
from mediaserver.conversation.leg import Place
from mediaserver.conversation.phrases import Phrases
from mediaserver.conversation.quieting import Quiet
from mediaserver.conversation.steadiness import Steadiness
from mediaserver.conversation.support import BeginTape, Support
from mediaserver.conversation.watchdog import Alertness
from mediaserver.gateway.health import Breakers
from mediaserver.toolbox import Tools
from signaling.door import Way


def open_ways(
    config: Config,
    makers: Mapping[str, BridgeFactory],
    tools: Tools,
    phrases: Phrases,
    begin_tape: BeginTape | None = None,
    quiet: Quiet | None = None,
) -> dict[str, Way]:
    """Return a way for each model; one circuit breaker per provider and region serves all of them.

    ``begin_tape`` records the calls of those models that are recorded; ``quiet`` takes noise out of what callers say.
    """
    breakers = Breakers()
    places = {name: _place(config, name, make) for name, make in makers.items()}
    ways = {name: _way(config, name, places, breakers, tools, phrases, quiet) for name in makers}
    return {name: _taped(way, begin_tape) if config.models[name].recording else way for name, way in ways.items()}


def _taped(way: Way, begin_tape: BeginTape | None) -> Way:
    return replace(way, support=replace(way.support, begin_tape=begin_tape))


def phrases_of(config: Config) -> tuple[str, ...]:
    """Return what the server itself may have to say; of a provider only where there is one outside of this machine."""
    how, remote = config.continuity, any(model.provider for model in config.models.values())
    said = (*((how.apology, how.moment) if remote else ()), *config.tool_filler.phrases)
    return tuple(text for text in said if text)


def _way(
    config: Config,
    name: str,
    places: Mapping[str, Place],
    breakers: Breakers,
    tools: Tools,
    phrases: Phrases,
    quiet: Quiet | None,
) -> Way:
    model, how = config.models[name], config.continuity
    support = Support(
        health=breakers,
        steadiness=_steadiness(config),
        tools=tools.only(model.tools),
        filler=config.tool_filler,
        phrases=phrases,
        apology=how.apology,
        moment=how.moment,
        quiet=quiet,
    )
    route = tuple(places[place] for place in (name, *model.fallbacks))
    return Way(route, route[0].make().capabilities, support)


def _steadiness(config: Config) -> Steadiness:
    how = config.continuity
    return Steadiness(
        attempts=how.attempts,
        switch_s=how.switch_s,
        give_up_s=how.give_up_s,
        margin_s=how.margin_s,
        alertness=Alertness(stall_s=how.stall_s, slow_s=how.slow_s, silent_s=how.silent_s),
    )


def _place(config: Config, name: str, make: BridgeFactory) -> Place:
    model = config.models[name]
    capabilities = make(name).capabilities
    account = model.provider.get("region") or model.provider.get("url") or ("" if model.provider else name)
    return Place(name, partial(make, name), model.bridge, str(account), capabilities.max_session_s)
