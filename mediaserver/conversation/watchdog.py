"""Is the provider still there? Progress where something is due, not an open socket, is the sign of life. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mediaserver.clock import after, earliest

Verdict = Literal[
    "stalled",  # an answer is due or being made, and nothing at all came
    "slow",  # it gives signs of life but no answer
    "silent",  # a sign of life was expected and did not come
    "filler",  # the answer takes long enough that the caller should hear something
]


@dataclass(frozen=True, slots=True)
class Alertness:
    """How long a provider may be silent, in seconds."""

    stall_s: float = 1.5
    """An answer is due or being made, and no event whatever comes."""
    slow_s: float = 8.0
    """An answer is due, and events come, but no answer."""
    silent_s: float = 10.0
    """A sign of life was expected (an answer to a ping, a word on the caller's speech), and no event comes."""
    filler_s: float = 1.5
    """An answer is due: the caller hears a few words to wait by, once per answer."""


class Watchdog:
    """What is due from the provider that serves; the same for every one of them.

    Nothing is due while the caller speaks or a tool runs: the model waits then.
    """

    def __init__(self, alertness: Alertness) -> None:
        self._alertness = alertness
        self._since: float | None = None  # something is owed, and its time runs from here
        self._begun = False
        self._filled = False
        self._progress_at = 0.0
        self._expected_at: float | None = None
        self._speaking = False
        self._tools = 0

    @property
    def waiting(self) -> bool:
        """The model waits for others: somebody speaks, or a tool runs."""
        return self._speaking or self._tools > 0

    @property
    def tools(self) -> int:
        """How many tools are outstanding."""
        return self._tools

    @property
    def speaking(self) -> bool:
        """The caller speaks."""
        return self._speaking

    @property
    def owed(self) -> bool:
        """An answer is due or being made."""
        return self._since is not None

    def reply_due(self, now: float) -> None:
        """The caller's turn has ended, or an answer was asked for."""
        if self._since is None or self._begun:
            self._since, self._begun, self._filled = now, False, False

    def reply_began(self, now: float) -> None:
        """Something of an answer has come."""
        self._since, self._begun = now, True
        self.progress(now)

    def reply_over(self) -> None:
        """The answer is made, or none is due any more."""
        self._since, self._begun, self._filled = None, False, False

    def progress(self, now: float) -> None:
        """Anything came from the provider."""
        self._progress_at, self._expected_at = now, None

    def expect(self, now: float) -> None:
        """Something must come that the provider always sends: the answer to a ping, a word on the caller's speech."""
        if self._expected_at is None:
            self._expected_at = now

    def set_speaking(self, speaking: bool, now: float) -> None:
        """The caller speaks, or does no more; what is due has its whole time again then."""
        self._speaking = speaking
        self._run_again(now)

    def set_tools(self, outstanding: int, now: float) -> None:
        """So many tools are outstanding."""
        self._tools = max(0, outstanding)
        self._run_again(now)

    def restart(self, now: float) -> None:
        """Another provider serves now: what the one before owed is due from this one, and it gets the whole time."""
        self._begun, self._expected_at, self._progress_at = False, None, now
        self._run_again(now)

    @property
    def due(self) -> float | None:
        """When :meth:`check` has something to say."""
        return earliest(*self._waits().values())

    def check(self, now: float) -> Verdict | None:
        """Return the gravest of what is to be said; a filler is said once."""
        verdict = next((name for name, at in self._waits().items() if at is not None and now >= at), None)
        if verdict == "filler":
            self._filled = True
        return verdict

    def _run_again(self, now: float) -> None:
        if self._since is not None and not self.waiting:
            self._since = now

    def _waits(self) -> dict[Verdict, float | None]:
        alert, since = self._alertness, None if self.waiting else self._since
        begins = None if self._begun else since
        return {
            "silent": after(self._expected_at, alert.silent_s),
            "stalled": None if since is None else max(since, self._progress_at) + alert.stall_s,
            "slow": after(begins, alert.slow_s),
            "filler": None if self._filled else after(begins, alert.filler_s),
        }
