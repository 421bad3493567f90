"""Which addresses are bound and advertised."""

from __future__ import annotations

import pytest

from mediaserver.errors import ConfigError
from mediaserver.rtc.addresses import MAX_ADDRESSES, Interface, LocalAddress, choose, interfaces

LO = [Interface("lo", "127.0.0.1"), Interface("lo", "::1")]
ETH = [Interface("eth0", "2001:db8::5"), Interface("eth0", "192.0.2.5"), Interface("eth0", "fe80::5")]
DOCKER = [Interface("docker0", "172.17.0.1"), Interface("br-1a2b", "172.18.0.1"), Interface("veth12", "169.254.3.3")]


def bound(chosen: tuple[LocalAddress, ...]) -> list[str]:
    return [a.bind for a in chosen]


def test_automatic_takes_what_others_can_reach_ipv4_first() -> None:
    assert bound(choose((), found=[*LO, *ETH, *DOCKER])) == ["192.0.2.5", "2001:db8::5"]


def test_loopback_is_the_last_resort_or_asked_for() -> None:
    assert bound(choose((), found=[*LO, *DOCKER])) == ["127.0.0.1", "::1"]
    assert bound(choose((), loopback=True, found=[*LO, *ETH])) == ["192.0.2.5", "127.0.0.1", "2001:db8::5", "::1"]


def test_configured_addresses_are_taken_as_they_are() -> None:
    chosen = choose(("203.0.113.9/10.0.0.4", "2001:db8::7"), found=[*LO, *ETH])
    assert chosen == (LocalAddress("10.0.0.4", "203.0.113.9"), LocalAddress("2001:db8::7", "2001:db8::7"))
    assert [a.version for a in chosen] == [4, 6]


@pytest.mark.parametrize("entry", ["", "example.org", "/192.0.2.5", "0.0.0.0", "::", "192.0.2.1/::1", "1/2/3"])
def test_an_entry_that_is_no_address_stops_the_start(entry: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose((entry,))
    assert caught.value.path == "media.addresses"


def test_the_same_address_twice_is_bound_once_and_the_number_is_bounded() -> None:
    many = [Interface("eth0", f"192.0.2.{n}") for n in range(1, 200)]
    assert len(choose((), found=[*many, *many])) == MAX_ADDRESSES


def test_this_machine_has_a_loopback() -> None:
    assert "127.0.0.1" in [i.address for i in interfaces()]
