"""What goes wrong behind the audio API, as the answer that its client gets: by table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mediaserver.errors import (
    BadRequest,
    BridgeError,
    EngineFailed,
    MediaError,
    MediaServerError,
    Overloaded,
    RequestError,
    TooLarge,
)

AGAIN = frozenset(
    {"rate_limited", "overloaded", "unavailable", "connection_lost", "timeout", "conflict", "session_expired"}
)
"""Codes of a BridgeError after which the client may well ask again."""
CLIENTS = {"invalid_request": BadRequest, "unsupported_by_provider": BadRequest, "too_large": TooLarge}
"""Codes that the client can do something about."""
RETRY_S = 2


FAILURES = (MediaServerError, TimeoutError)
"""What engines, decoders and deadlines raise."""


@contextmanager
def told() -> Iterator[None]:
    """Let what engines and decoders raise inside the block leave it as a RequestError."""
    try:
        yield
    except FAILURES as problem:
        raise refusal(problem) from None


def error_event(problem: Exception) -> dict[str, Any]:
    """Return a failure as the event that ends a stream."""
    said = refusal(problem)
    error = {"message": said.message, "type": said.type, "param": said.param, "code": said.code}
    return {"type": "error", "error": error}


def refusal(problem: Exception) -> RequestError:
    """Return the answer to a failure; a file that is of no use is the client's."""
    if isinstance(problem, RequestError):
        return problem
    if isinstance(problem, TimeoutError):
        return Overloaded("the answer took too long: send less at once", code="timeout", retry_after=RETRY_S)
    if isinstance(problem, MediaError):
        return BadRequest(_sentence(problem), code=getattr(problem, "code", "unusable_sound"), param="file")
    if not isinstance(problem, BridgeError):
        return EngineFailed("the engine failed; ask the operator of this server")
    if problem.code in AGAIN:
        wait = RETRY_S if problem.retry_after is None else max(1, math.ceil(problem.retry_after))
        return Overloaded(f"{problem.message}; try again in a moment", code=problem.code, retry_after=wait)
    if problem.code in CLIENTS:
        return CLIENTS[problem.code](problem.message, code=problem.code)
    return EngineFailed(f"{problem.message}; ask the operator of this server", code=problem.code)


def _sentence(problem: MediaError) -> str:
    return str(problem) or "the sound cannot be used"
