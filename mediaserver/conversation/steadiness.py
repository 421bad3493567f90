"""How a call is kept up: the times that :class:`mediaserver.conversation.continuity.Continuity` goes by."""

from __future__ import annotations

from dataclasses import dataclass, field

from mediaserver.conversation.watchdog import Alertness


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How a call is kept up; times in seconds."""

    attempts: int = 3
    """So many places are opened in one failure before we give up."""
    begin_s: float = 5.0
    """At the beginning of a call a provider has this long to get ready."""
    switch_s: float = 2.0
    """After a failure it has this long."""
    hedge_s: float = 0.4
    """After a failure the next place is opened beside one that is not ready after this long."""
    give_up_s: float = 2.5
    """So long after a failure, with no provider ready, the caller hears the apology."""
    goodbye_s: float = 8.0
    """The apology takes no longer than this; then the call ends."""
    settle_s: float = 5.0
    """A provider that fails within this time of taking over, without having answered, is part of the same failure."""
    margin_s: float = 30.0
    """So long before the end of a provider's session the next one is opened; never more than a quarter of the session."""
    last_s: float = 0.5
    """So long before that end it takes over even while a tool runs."""
    alertness: Alertness = field(default_factory=Alertness)
    """How long a provider may be silent."""
