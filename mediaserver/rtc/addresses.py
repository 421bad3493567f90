"""Which local addresses the media port binds, and under which names clients are told to reach them.

Configuration is a list of entries: ``"192.0.2.7"`` binds and advertises one address; ``"203.0.113.9/192.0.2.7"`` advertises
the first and binds the second (NAT 1:1, clouds); an empty list means *auto*: every address of this machine that others could
use. Link-local addresses and container bridges are left out, loopback is the last resort.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ifaddr

from mediaserver.errors import ConfigError

BRIDGES = ("docker", "br-", "veth", "virbr", "cni", "flannel", "cali")
"""Interface names that begin so belong to containers on this machine: clients outside cannot use them."""

MAX_ADDRESSES = 16


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """One socket to open: bound to ``bind``, written into answers as ``advertise``."""

    bind: str
    advertise: str

    @property
    def version(self) -> int:
        """4 or 6."""
        return ipaddress.ip_address(self.bind).version


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface's name and one of its addresses, as the system lists them."""

    name: str
    address: str


def interfaces() -> list[Interface]:
    """List this machine's addresses (one system call, nothing is resolved)."""
    return [
        Interface(adapter.nice_name, ip.ip if isinstance(ip.ip, str) else ip.ip[0])
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]


def choose(
    configured: Sequence[str], *, loopback: bool = False, found: Iterable[Interface] | None = None
) -> tuple[LocalAddress, ...]:
    """Turn configuration into the addresses to open, IPv4 first because more clients have it.

    ``loopback`` adds 127.0.0.1 and ::1 to the automatic choice. Raises ConfigError for an entry that is no address.
    """
    if configured:
        return tuple(_entry(text) for text in configured)
    usable = [i for i in (interfaces() if found is None else found) if not i.name.startswith(BRIDGES)]
    outer = [i.address for i in usable if _reachable(i.address)]
    inner = [i.address for i in usable if ipaddress.ip_address(i.address).is_loopback]
    chosen = dict.fromkeys([*outer, *(inner if loopback or not outer else [])])
    ordered = sorted(chosen, key=lambda address: ipaddress.ip_address(address).version)
    return tuple(LocalAddress(address, address) for address in ordered[:MAX_ADDRESSES])


def _reachable(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not (address.is_link_local or address.is_loopback or address.is_multicast or address.is_unspecified)


def _entry(text: str) -> LocalAddress:
    public, _, private = text.partition("/")
    try:
        advertise = ipaddress.ip_address(public.strip())
        bind = ipaddress.ip_address(private.strip()) if private else advertise
    except ValueError as error:
        raise ConfigError("media.addresses", "each entry is an IP address or 'public/private'") from error
    if bind.is_unspecified or advertise.is_unspecified or bind.version != advertise.version:
        raise ConfigError("media.addresses", "give real addresses, both of the same IP version")
    return LocalAddress(str(bind), str(advertise))
