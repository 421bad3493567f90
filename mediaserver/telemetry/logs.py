"""What the server says of itself: one line per event on stderr, JSON or readable.

Only allow-listed fields are written. The text of our own records is written as it is; of other packages' records only the
template, since their arguments may hold what callers sent. Tracebacks are written without the messages of their exceptions,
for the same reason. Lines are escaped and at most 8 kB. Writing happens in a thread behind a bounded queue: a stuck stderr
costs lines (counted), never a call.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

FIELDS = (
    "call_id", "session_id", "principal", "model", "reason", "detail", "status", "method", "route", "code",
    "duration_ms", "count", "address", "url", "kind", "dropped", "calls", "usage", "worker", "pid",
)  # fmt: skip
"""The names that may be given as ``extra``; all else is left out."""

OURS = ("mediaserver", "signaling", "bridges")
MAX_LINE = 8192
MAX_VALUE = 2048
MAX_WAITING = 2048
MAX_FRAMES = 12


class _Queue(logging.handlers.QueueHandler):
    """Hands records to the writing thread; what does not fit is counted."""

    dropped = 0

    def __init__(self, waiting: queue.Queue[logging.LogRecord], worker: int | None) -> None:
        super().__init__(waiting)
        self._worker = worker

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Keep the record as it is, but for who says it: nothing leaves this process."""
        if self._worker is not None:
            record.worker = self._worker
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Never wait."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


class JsonFormatter(logging.Formatter):
    """One JSON object per line, in ASCII: no character of it moves a cursor or starts a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, at most MAX_LINE bytes."""
        facts = {"at": _time(record), "level": record.levelname.lower(), "logger": record.name, "event": _event(record)}
        facts |= _fields(record)
        if record.exc_info:
            facts["trace"] = _trace(record)
        line = json.dumps(facts)
        if len(line) > MAX_LINE:
            facts.pop("trace", None)
            line = json.dumps({key: _clip(value, 40) for key, value in facts.items()} | {"cut": True})
        return line


class TextFormatter(logging.Formatter):
    """For people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, at most MAX_LINE characters."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        trace = f" [{_trace(record)}]" if record.exc_info else ""
        return f"{time} {record.levelname.lower():7} {_escape(_event(record))}{_escape(fields)}{_escape(trace)}"[
            :MAX_LINE
        ]


@contextmanager
def written(
    level: str = "info", form: str = "auto", stream: TextIO | None = None, worker: int | None = None
) -> Iterator[None]:
    """Write records of ``level`` and above to ``stream`` (stderr) until the context is left; each names its ``worker``."""
    stream = stream or sys.stderr
    text = form == "text" or (form == "auto" and stream.isatty())
    writer = logging.StreamHandler(stream)
    writer.setFormatter(TextFormatter() if text else JsonFormatter())
    handler = _Queue(queue.Queue(MAX_WAITING), worker)
    listener = logging.handlers.QueueListener(handler.queue, writer)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for name in OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)
        listener.stop()
        if handler.dropped:
            stream.write(f"{handler.dropped} log lines were lost\n")


def _event(record: logging.LogRecord) -> str:
    ours = record.name.partition(".")[0] in OURS
    return str(_clip(record.getMessage() if ours else record.msg, MAX_VALUE))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: _clip(getattr(record, name), MAX_VALUE) for name in FIELDS if getattr(record, name, None) is not None}


def _clip(value: Any, limit: int) -> Any:
    if isinstance(value, (int, float)):
        return value
    return str(value)[:limit].encode(errors="backslashreplace").decode()


def _trace(record: logging.LogRecord) -> str:
    kind, _, trace = record.exc_info if isinstance(record.exc_info, tuple) else (None, None, None)
    frames = traceback.extract_tb(trace)[-MAX_FRAMES:] if trace else []
    places = " < ".join(
        f"{frame.name} {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames)
    )
    return f"{kind.__name__ if kind else 'error'} in {places}"


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _escape(text: str) -> str:
    """Return the text without anything that moves a cursor or starts a line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
