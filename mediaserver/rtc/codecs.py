"""The audio codecs that we speak on the wire, as a table, and what was agreed for one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Red = Literal["off", "auto", "always"]
"""How the answer takes an offer of redundancy: not, behind Opus (it may be used), or before it (it shall be used)."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload format as agreed: ``name`` is lower case.

    Sound: ``opus``, ``g722``, ``pcmu``, ``pcma``; beside it: ``red``, ``cn``, ``telephone-event``.

    ``clock_rate`` is the RTP clock, which for G.722 is 8000 although it samples at 16000 (RFC 3551 §4.5.2).
    ``parameters`` are the peer's fmtp values: what *it* wants to receive (RFC 7587 §7.1).
    """

    name: str
    payload_type: int
    clock_rate: int
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What offer and answer agreed on for the audio of one call.

    ``codecs`` holds every format that may arrive, by payload type, preferred first; ``send`` is the one we send,
    inside ``redundancy`` when that helps, and with ``comfort_noise`` in its pauses.
    ``receiving`` and ``sending`` follow the direction attribute, from our side. ``level_id`` and ``mid_id`` are the
    header extension ids of RFC 6464 and of the media id, ``None`` when not agreed.
    """

    mid: str
    codecs: Mapping[int, Codec]
    send: Codec
    telephone_event: Codec | None = None
    redundancy: Codec | None = None
    comfort_noise: Codec | None = None
    ptime_ms: int = 20
    receiving: bool = True
    sending: bool = True
    level_id: int | None = None
    mid_id: int | None = None
    remote_ssrc: int | None = None
