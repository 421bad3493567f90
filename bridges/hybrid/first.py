"""What went wrong first, where several things were under way."""

from __future__ import annotations

from collections.abc import Sequence

from mediaserver.errors import BridgeError


def first(failures: BaseExceptionGroup[BridgeError]) -> BridgeError:
    """Return the first failure of a group of groups."""
    leaves: Sequence[BaseException] = failures.exceptions
    while isinstance(leaves[0], BaseExceptionGroup):
        leaves = leaves[0].exceptions
    failure = leaves[0]
    return failure if isinstance(failure, BridgeError) else BridgeError(str(failure))
