"""How many cores this process may use: what the scheduler allows, and what its control group grants (cgroup v2)."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Literal

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def workers(asked: int | Literal["auto"]) -> int:
    """Return how many workers there are to be; ``auto``: one for each core."""
    return cores() if asked == "auto" else asked


def cores(quota: Path = QUOTA) -> int:
    """Return the cores, at least 1. A container's quota of 2.5 cores counts as 3."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _granted(quota) or allowed))


def _granted(quota: Path) -> int | None:
    """Return what ``cpu.max`` says, ``<microseconds> <period>``; ``None`` where there is no limit."""
    try:
        granted, period = quota.read_text().split()
        return math.ceil(int(granted) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no limit either
        return None
