"""A Google service account's key, and the assertion by which it asks for a token. Pure but for reading the key's file.

Source: Google Cloud, "Using OAuth 2.0 for Server to Server Applications"; RFC 7519 (JWT), RFC 7523 section 2.1.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mediaserver.errors import ConfigError

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFE_S = 3600
"""How long an assertion, and the token it buys, may live: as long as Google lets them."""
MAX_KEY = 64 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class _Told(msgspec.Struct):
    client_email: str
    private_key: str
    token_uri: str
    type: str = "service_account"
    private_key_id: str = ""
    project_id: str = ""


class ServiceAccount:
    """An account that signs for itself. ``project`` is its own; ``token_uri`` is the only address that is told of it."""

    def __init__(self, told: _Told) -> None:
        self._told = told
        self._private = _private_key(told.private_key)
        self.project = told.project_id
        self.token_uri = _checked(told.token_uri)

    def assertion(self, now: float) -> str:
        """Return the signed request for a token, a JWT; ``now`` is wall time in seconds."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self._told.private_key_id}
        claims = {
            "iss": self._told.client_email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": int(now),
            "exp": int(now) + LIFE_S,
        }
        signed = f"{_written(head)}.{_written(claims)}"
        return f"{signed}.{_base64(self._private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def service_account(told: str) -> ServiceAccount:
    """Return the account whose JSON key this is, or whose file this names. Raises ConfigError, which repeats nothing."""
    written = told if told.lstrip().startswith("{") else _file(told)
    try:
        return ServiceAccount(msgspec.json.decode(written, type=_Told))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise ConfigError("credentials", "is no key of a service account") from None


def _file(name: str) -> bytes:
    try:
        with Path(name).open("rb") as opened:
            return opened.read(MAX_KEY)
    except (OSError, ValueError):
        raise ConfigError("credentials", "the file with the service account's key cannot be read") from None


def _private_key(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnicodeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError("credentials", "the service account's private key is no RSA key in PEM")
    return key


def _checked(token_uri: str) -> str:
    """The assertion is as good as a password: it leaves this machine over TLS only."""
    try:
        parts = urlsplit(token_uri)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    except ValueError:
        safe = False
    if not safe or not parts.hostname or parts.username is not None:
        raise ConfigError("credentials", "the service account's token_uri is no https address")
    return token_uri


def _written(part: dict[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
