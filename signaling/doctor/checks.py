"""What can be seen without a call: versions, ports, addresses, codecs, the certificate."""

from __future__ import annotations

import errno
import ipaddress
import platform
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import version

from mediaserver import __version__
from mediaserver.audio import opus
from mediaserver.cluster import ports
from mediaserver.cluster.cores import workers
from mediaserver.config import Config
from mediaserver.errors import ConfigError
from mediaserver.rtc import addresses
from signaling.doctor.findings import Finding, note, ok, wrong
from signaling.tls import identity


def versions(config: Config) -> Iterator[Finding]:
    """Name what is running."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiortc", "av", "aiohttp"))
    system = f"{platform.system()} {platform.machine()}"
    yield ok("versions", f"mediaserver {__version__}, Python {platform.python_version()} on {system}, {packages}")


def http_port(config: Config) -> Iterator[Finding]:
    """Say whether the HTTP door can be opened."""
    host, port = config.server.host, config.server.port
    name = f"TCP port {port} on {host or 'all addresses'}"
    problem = _bind(host, port, socket.SOCK_STREAM)
    if problem is None:
        yield ok("http port", f"{name} is free")
    elif problem.errno == errno.EADDRINUSE:
        yield wrong(
            "http port",
            f"{name} is taken, perhaps by this server already running",
            "stop what uses it, or choose another with `mediaserver serve --port` or server.port",
        )
    else:
        yield wrong("http port", f"{name} cannot be opened: {problem.strerror}", _bind_remedy(problem, "server.host"))


def media_port(config: Config) -> Iterator[Finding]:
    """Say whether the media port of each worker can be opened on each address."""
    count = workers(config.server.workers)
    try:
        ports.check(config.media.port, count)
        chosen = addresses.choose(config.media.addresses, loopback=config.media.loopback)
    except ConfigError as refused:
        yield wrong("media port", str(refused), f"correct {refused.path}")
        return
    used = dict.fromkeys(ports.media_port(config.media.port, number) for number in range(count))
    for local in chosen:
        for port in used:
            yield _media_port(local.bind, port)
    if len(used) > 1:
        said = f"{count} workers use the UDP ports {min(used)} to {max(used)}"
        yield note("media ports", said, "open all of them to callers: in the firewall, in a container, behind a NAT")


def _media_port(address: str, port: int) -> Finding:
    name = f"UDP port {port} on {address}"
    problem = _bind(address, port, socket.SOCK_DGRAM)
    if problem is None:
        return ok("media port", f"{name} is free")
    if problem.errno == errno.EADDRINUSE:
        remedy = "stop what uses it, or choose another with media.port"
        return wrong("media port", f"{name} is taken, perhaps by this server already running", remedy)
    remedy = _bind_remedy(problem, "media.addresses")
    return wrong("media port", f"{name} cannot be opened: {problem.strerror}", remedy)


def _bind(host: str, port: int, kind: socket.SocketKind) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            return problem
    return None


def _bind_remedy(problem: OSError, key: str) -> str:
    if problem.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no such address: correct {key} (behind a NAT, write public/own in media.addresses)"
    if problem.errno == errno.EACCES:
        return "ports below 1024 need a privilege: choose a higher one"
    return f"correct {key}"


def advertised(config: Config) -> Iterator[Finding]:
    """Say who can reach the addresses that answers will name."""
    try:
        told = [local.advertise for local in addresses.choose(config.media.addresses, loopback=config.media.loopback)]
    except ConfigError:
        return  # said by media_port
    parsed = [ipaddress.ip_address(each) for each in told]
    listed = ", ".join(told)
    if all(each.is_loopback for each in parsed):
        remedy = "connect to a network, or set media.addresses"
        yield note("addresses", f"callers are told {listed}: only this machine can call", remedy, addresses=told)
    elif not any(each.is_global for each in parsed):
        remedy = "for callers from outside set media.addresses to ['public/own'] and forward the UDP port"
        said = f"callers are told {listed}: private addresses, reachable inside this network only"
        yield note("addresses", said, remedy, addresses=told)
    else:
        yield ok("addresses", f"callers are told {listed}", addresses=told)


def codecs(config: Config) -> Iterator[Finding]:
    """Say which libopus is in use, and whether it conceals and corrects losses."""
    found = opus.libopus()
    if found.functions is None:
        remedy = "install PyAV from a wheel (pip install --only-binary av av), or the system's libopus0"
        yield wrong("codecs", "no libopus was found: there is no Opus", remedy)
        return
    home = "PyAV's wheel" if found.source == "pyav" else found.path
    yield ok("codecs", f"{found.version} from {home}, with loss concealment and in-band FEC; G.722, PCMU, PCMA")


def tls(config: Config) -> Iterator[Finding]:
    """Say whether browsers elsewhere will get a microphone."""
    try:
        who = identity(config.server.tls)
    except ConfigError as problem:
        yield wrong("tls", str(problem), "correct server.tls")
        return
    if who is not None:
        yield ok("tls", f"certificate with SHA-256 fingerprint {who.fingerprint}")
    elif config.server.public_url.startswith("https://"):
        yield ok("tls", "https ends at the proxy in front")
    else:
        remedy = "for other machines use `mediaserver serve --tls self-signed`, server.tls, or a proxy with https"
        yield note("tls", "plain http: browsers give a microphone on this machine (localhost) only", remedy)


CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (versions, http_port, media_port, advertised, codecs, tls)
"""In the order in which they are told."""
