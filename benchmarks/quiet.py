"""Says how much of the machine others used while something was measured: what they disturb is measured again.

Whether a run counts is decided by this alone, never by its result, and the same way for everybody who is compared.
"""

from __future__ import annotations

import time

import psutil

MOST_PCT = 15.0
"""Of one core, all cores together; above it a run is repeated."""

TRIES = 6
"""The last one counts, quiet or not."""


class Foreign:
    """From its making on, the CPU time that neither this process, nor ``others``, nor any of their descendants used."""

    def __init__(self, *others: psutil.Process) -> None:
        self._others = others
        self._busy, self._own, self._at = _busy_s(), _own_s(*others), time.perf_counter()

    def pct(self) -> float:
        """Return it in percent of one core; what descendants used that have ended meanwhile counts as foreign."""
        busy, own = _busy_s() - self._busy, _own_s(*self._others) - self._own
        return max(0.0, 100 * (busy - own) / (time.perf_counter() - self._at))


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _own_s(*others: psutil.Process) -> float:
    family = [each for one in (psutil.Process(), *others) for each in (one, *one.children(recursive=True))]
    return sum(sum(each.cpu_times()[:2]) for each in family)
