"""A network in virtual time: packets in, (arrival, packet) out, from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence


def carry(
    sent: Sequence[tuple[float, bytes]],
    *,
    seed: int = 1,
    delay: float = 0.05,
    loss: float = 0.0,
    burst: int = 1,
    jitter: float = 0.0,
    reorder: float = 0.0,
    duplicate: float = 0.0,
    in_order: bool = False,
) -> list[tuple[float, bytes]]:
    """Carry packets: loss in bursts of ``burst``, jitter uniform in seconds, ``in_order`` as behind one queue."""
    chance, arrivals, losing, last = random.Random(seed), [], 0, 0.0
    for at, packet in sent:
        if losing == 0 and chance.random() < loss / burst:
            losing = burst
        if losing:
            losing -= 1
            continue
        arrival = at + delay + chance.random() * jitter + (0.03 if chance.random() < reorder else 0.0)
        last = arrival = max(arrival, last) if in_order else arrival
        arrivals.append((arrival, packet))
        if chance.random() < duplicate:
            arrivals.append((arrival + chance.random() * 0.1, packet))
    return sorted(arrivals, key=lambda pair: pair[0])
