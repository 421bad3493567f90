"""The server's certificate: your own, or one made at start for machines on the same network."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mediaserver.config import Tls
from mediaserver.errors import ConfigError

DAYS = 365
LEAF = "mediaserver"


@dataclass(frozen=True, slots=True)
class Identity:
    """A TLS context and the SHA-256 fingerprint of its certificate, ``AA:BB:…``; what a person compares."""

    context: ssl.SSLContext
    fingerprint: str


def identity(tls: Tls) -> Identity | None:
    """Return who the server says it is, ``None`` without TLS. Raises ConfigError."""
    if tls.mode == "off":
        return None
    if tls.mode == "files":
        return _load(Path(tls.certificate), Path(tls.key), "server.tls")
    if tls.directory:
        return _kept(Path(tls.directory))
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads files only; they are gone before anyone calls
        return _kept(Path(folder))


def _kept(folder: Path) -> Identity:
    certificate, key = folder / f"{LEAF}.crt", folder / f"{LEAF}.key"
    try:
        if not (certificate.exists() and key.exists()) or _expired(certificate):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(certificate, key)
    except (OSError, ValueError) as problem:
        raise ConfigError("server.tls.directory", f"cannot be used: {type(problem).__name__}") from None
    return _load(certificate, key, "server.tls.directory")


def _expired(certificate: Path) -> bool:
    end = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return end < datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)


def _load(certificate: Path, key: Path, path: str) -> Identity:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as problem:
        raise ConfigError(path, f"the certificate or its key cannot be used: {type(problem).__name__}") from None
    return Identity(context, leaf.fingerprint(hashes.SHA256()).hex(":").upper())


def _write(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mediaserver self-signed")])
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))


def _names() -> list[x509.GeneralName]:
    """Every name and address under which others on the network may know this machine."""
    hosts = dict.fromkeys(("localhost", socket.gethostname()))
    addresses = {
        ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    }
    addresses |= {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts if host.isascii()]
    return names + [x509.IPAddress(address) for address in sorted(addresses, key=str)]
