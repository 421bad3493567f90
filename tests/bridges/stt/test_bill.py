from bridges.stt.bill import summed
from mediaserver.items import Usage


def test_amounts_are_added() -> None:
    told = Usage(input_tokens=5, cached_tokens=1, source="provider")
    assert summed([told, told]) == Usage(input_tokens=10, cached_tokens=2, source="provider")
    assert summed([told, Usage(seconds=1.5)]) == Usage(input_tokens=5, cached_tokens=1, seconds=1.5)
    assert summed([told]) is told and summed([]) is None
