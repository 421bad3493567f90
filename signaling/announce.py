"""What the server prints when it is ready: where to go, with which key, and how to stop."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mediaserver.config import Config
from mediaserver.gateway.keys import DEVELOPMENT_KEY
from signaling.tls import Identity

EVERYWHERE = ("127.0.0.1", "::1", "0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


def announcement(
    config: Config, port: int, media: Sequence[int], addresses: Sequence[str], who: Identity | None = None
) -> str:
    """Return the text; ``media`` are the UDP ports, one for each worker."""
    shown = "localhost" if config.server.host in EVERYWHERE else config.server.host
    scheme = "https" if who else "http"
    lines = [f"Open    {config.server.public_url or f'{scheme}://{shown}:{port}'}"]
    if config.development_key.enabled:
        lines.append(f"Key     {DEVELOPMENT_KEY}  (development key, accepted from this machine only)")
    if config.keys:
        lines.append(f"Keys    {', '.join(key.name for key in config.keys)}")
    lines.append(f"Models  {', '.join(config.models)}  (default {config.default_model})")
    ports = f"port {media[0]}" if len(media) == 1 else f"ports {_range(media)}"
    lines.append(f"Media   UDP {ports} on {', '.join(addresses)}")
    if len(media) > 1:
        lines.append(f"Workers {len(media)}")
    if who:
        lines.append(f"TLS     SHA-256 fingerprint {who.fingerprint}")
    lines.append("Stop    Ctrl-C")
    return "\n".join(("", "The voice server is ready.", *(f"  {line}" for line in lines), ""))


def say(text: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _range(ports: Sequence[int]) -> str:
    low, high = min(ports), max(ports)
    return f"{low}-{high}" if high - low == len(ports) - 1 else ", ".join(map(str, ports))
