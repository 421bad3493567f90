"""The WebSocket address of a provider, from the one that is configured."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

_SCHEMES = {"http": "ws", "https": "wss"}


def address(url: str, **query: str) -> str:
    """Return the WebSocket address of an HTTP or WebSocket one, with these parameters more; empty ones are left out."""
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items() if value)
    return parts._replace(scheme=scheme, query="&".join(each for each in (parts.query, asked) if each)).geturl()
