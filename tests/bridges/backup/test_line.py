"""Which engines of a line may be asked."""

import pytest

from bridges.backup.line import Line, nobody
from mediaserver.errors import BridgeError


class Engine:
    def __init__(self, failure: BridgeError | None = None) -> None:
        self.failure = failure
        self.warmed = 0

    async def warm(self) -> None:
        self.warmed += 1
        if self.failure is not None:
            raise self.failure


def test_one_that_fails_five_times_is_left_alone_and_then_asked_once() -> None:
    now = 0.0
    line = Line([Engine(), Engine()], clock=lambda: now)
    first = line.places[0]
    for _ in range(5):
        assert line.allow(first)
        line.failed(first, BridgeError("no", code="unavailable"))
    assert not line.allow(first) and line.allow(line.places[1])
    now = 7.0
    assert [line.allow(first), line.allow(first)] == [True, False]
    line.well(first)
    assert line.allow(first)


async def test_a_line_is_warm_when_one_of_it_is() -> None:
    broken, well = Engine(BridgeError("missing")), Engine()
    await Line([broken, well]).warm()
    assert broken.warmed == well.warmed == 1
    with pytest.raises(BridgeError, match="missing"):
        await Line([broken, broken]).warm()


async def test_what_needs_no_warmth_is_warm() -> None:
    await Line([object()]).warm()
    assert nobody().code == "unavailable"
