import pytest

from mediaserver.cluster.names import Names, owner


def test_a_name_says_whose_it_is() -> None:
    names = Names(12)
    first, second = names.new("rtc"), names.new("rtc")
    assert first.startswith("rtc_w12_") and first != second and len(first) == len("rtc_w12_") + 24
    assert owner(first) == owner(f"ek_{names.mark}xyz") == owner(f"{names.mark}0d9c") == 12


def test_the_only_process_leaves_no_mark() -> None:
    name = Names().new("rtc")
    assert len(name) == len("rtc_") + 24 and owner(name) is None and Names().mark == ""


@pytest.mark.parametrize(
    "name", ["", "w", "rtc_", "rtc_w_1", "rtc_w1", "rtc_w1234_x", "rtc_w-1_x", "rtc_w٣_x", "x y_w1_", "rtc_1_w1_"]
)
def test_what_has_no_mark_has_no_owner(name: str) -> None:
    assert owner(name) is None
