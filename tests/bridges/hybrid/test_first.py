"""The first failure of several."""

from bridges.hybrid.first import first
from mediaserver.errors import BridgeError


def test_the_first_leaf() -> None:
    one, other = BridgeError("one"), BridgeError("other")
    assert first(BaseExceptionGroup("a", [BaseExceptionGroup("b", [one, other])])) is one  # type: ignore[arg-type]
