import pytest

from bridges.address import address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a/v1", "wss://a/v1?x=1%262"),
        ("ws://a:1/v1?y=2", "ws://a:1/v1?y=2&x=1%262"),
    ],
)
def test_addresses_keep_what_they_have(url: str, expected: str) -> None:
    assert address(url, x="1&2", empty="") == expected
