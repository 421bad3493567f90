"""What the tests of language models share."""

from __future__ import annotations

import functools
from typing import Any

import httpx
import pytest


@pytest.fixture(autouse=True)
def one_tls_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each client reads the certificates of all authorities, which no server here has: once is enough."""
    transport: Any = httpx._transports.default
    monkeypatch.setattr(transport, "create_ssl_context", lambda **_: _tls_context())


@functools.cache
def _tls_context() -> Any:
    return httpx.create_ssl_context()
