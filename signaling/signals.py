"""The signals that stop the server, as a queue that a task can wait for."""

from __future__ import annotations

import asyncio
import signal

Signals = asyncio.Queue[int]


def stop_signals() -> Signals:
    """Return where SIGTERM and SIGINT arrive from now on; more than a few are dropped."""
    signals: Signals = asyncio.Queue(maxsize=8)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, put, signals, number)
    return signals


def put(signals: Signals, number: int) -> None:
    """Add one, if there is room."""
    if not signals.full():
        signals.put_nowait(number)
