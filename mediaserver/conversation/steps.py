"""What continuity is told and what it answers, as plain values.

Legs are numbered by :class:`Open`; what is said of the provider (``Progress``, ``ReplyBegan`` and so on) is about the leg
that serves. What a leg says that was abandoned, or is not serving yet, is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mediaserver.conversation.route import Failure

Reason = Literal["begun", "failover", "rotation"]
"""Why a leg serves: it is the first, the one before broke, or the session of the one before was near its end."""

Ending = Literal["provider_closed", "provider_error"]
"""How a call ends by its provider."""

# --- what happened ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    """The call begins."""


@dataclass(frozen=True, slots=True)
class LegReady:
    """The leg takes sound and commands."""

    leg: int


@dataclass(frozen=True, slots=True)
class LegFailed:
    """The leg could not be opened, or broke."""

    leg: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The provider ended the leg by itself, in good order."""

    leg: int


@dataclass(frozen=True, slots=True)
class EndNear:
    """The provider says that it will end the leg in so many seconds."""

    leg: int
    time_left_s: float


@dataclass(frozen=True, slots=True)
class Outdated:
    """The leg cannot take the settings in force: another session of its place must serve within so many seconds.

    ``fresh``: it has been told nothing yet, all waits.
    """

    leg: int
    within_s: float
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Any sign of life of the provider: an event, the answer to a ping."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The provider must give a sign of life now, e.g. because it was pinged."""


@dataclass(frozen=True, slots=True)
class ReplyDue:
    """An answer is owed: the caller's turn has ended, an answer was asked for, or a function's output was given."""


@dataclass(frozen=True, slots=True)
class ReplyBegan:
    """Something of the answer has come: sound, text, a function call."""


@dataclass(frozen=True, slots=True)
class ReplyOver:
    """The answer is made, or none is owed any more."""


@dataclass(frozen=True, slots=True)
class CallerSpeaking:
    """The caller began to speak, or stopped."""

    speaking: bool


@dataclass(frozen=True, slots=True)
class Tools:
    """So many function calls have no output yet."""

    outstanding: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """The turn boundary: nobody speaks and no reply is due, made or played; ``False`` when that is over."""

    quiet: bool


@dataclass(frozen=True, slots=True)
class ApologySpoken:
    """The caller has heard the apology."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Happening = (
    Begun
    | LegReady
    | LegFailed
    | LegEnded
    | EndNear
    | Outdated
    | Progress
    | Expected
    | ReplyDue
    | ReplyBegan
    | ReplyOver
    | CallerSpeaking
    | Tools
    | Quiet
    | ApologySpoken
    | Tick
)


# --- what to do -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """Open a leg under this number at this place of the route, now. ``warm``: the leg before serves on meanwhile.

    ``attempt`` counts from 1 within one failure, or one rotation.
    """

    leg: int
    place: int
    attempt: int
    warm: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """This leg, which is ready, serves from now on; the one before gets nothing more and tells nothing more."""

    leg: int
    place: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Hold:
    """Say nothing more to this leg, which serves: what comes is for the one that is being opened."""

    leg: int


@dataclass(frozen=True, slots=True)
class Release:
    """The other one could not be opened: say to this leg, which serves on, what was held back."""

    leg: int


@dataclass(frozen=True, slots=True)
class Abandon:
    """Close this leg now; what it says from now on counts for usage only."""

    leg: int


@dataclass(frozen=True, slots=True)
class Filler:
    """Let the caller hear a few words to wait by."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A person must look: our credentials were refused at this place."""

    place: int


@dataclass(frozen=True, slots=True)
class Apologise:
    """No provider is left: say so to the caller now, then tell ``ApologySpoken``. ``code`` is the last failure's."""

    code: str


@dataclass(frozen=True, slots=True)
class EndCall:
    """End the call."""

    reason: Ending


Action = Open | Switch | Hold | Release | Abandon | Filler | Alarm | Apologise | EndCall
