"""Names that say which worker they belong to: ``rtc_w2_9f…``, ``ek_w0_…``. A server of one process leaves the mark out.

Clients take names as they are: the Realtime contract and Pipecat's both treat them as opaque.
"""

from __future__ import annotations

import re

from mediaserver.clock import new_id

_MARK = re.compile(r"(?:[a-z]+_)?w(\d{1,3})_", re.ASCII)


class Names:
    """Those of one worker; ``None`` for the only process of a server."""

    def __init__(self, worker: int | None = None) -> None:
        self.worker = worker
        self.mark = "" if worker is None else f"w{worker}_"

    def new(self, prefix: str) -> str:
        """Return an unguessable name of ours."""
        return new_id(f"{prefix}_{self.mark}".rstrip("_"))


def owner(name: str) -> int | None:
    """Return the worker that a name says it belongs to, ``None`` for one without a mark. Anyone may write any name."""
    marked = _MARK.match(name)
    return None if marked is None else int(marked[1])
