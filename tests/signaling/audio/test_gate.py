import pytest

from mediaserver.errors import Overloaded
from signaling.audio.gate import Gate


def test_one_more_is_refused_and_may_come_again() -> None:
    gate = Gate(1, "files")
    with gate.entered():
        with pytest.raises(Overloaded, match="1 files") as refused, gate.entered():
            pass
        assert refused.value.retry_after > 0 and gate.inside == 1
    with gate.entered():
        assert gate.inside == 1
    assert gate.inside == 0
