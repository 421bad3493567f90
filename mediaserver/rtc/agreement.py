"""Which of the offered audio formats are agreed, and how the answer names them. Pure.

Opus comes first, then the client's own order. What only accompanies sound is agreed when there is a sound it can
accompany: redundancy (RFC 2198) with Opus, comfort noise (RFC 3389) with G.711.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiortc.sdp import MediaDescription

from mediaserver.errors import BadRequest
from mediaserver.rtc.codecs import Agreed, Codec, Red

LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"

STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000", 13: "CN/8000"}
"""Payload types that need no rtpmap (RFC 3551 §6)."""

_SOUND = {("opus", 48000, 2), ("g722", 8000, 1), ("pcmu", 8000, 1), ("pcma", 8000, 1)}
_BESIDE = {("red", 48000, 2), ("cn", 8000, 1), *(("telephone-event", rate, 1) for rate in (8000, 16000, 48000))}
_LOWER = ("opus", "red", "telephone-event")
_PTIMES = (20, 40, 60)
_MOST_LEVELS = 8
"""Generations that a redundancy format may name; more are no honest offer."""


def agree(media: MediaDescription, section: list[str], direction: str, red: Red) -> Agreed:
    """Choose from an audio m-line, ``direction`` as seen from here. Raises BadRequest with code ``unsupported_codec``."""
    offered = {codec.payload_type: codec for codec in _offered(media)}
    in_order = [offered[pt] for pt in dict.fromkeys(media.fmt) if pt in offered]
    sound = [codec for codec in in_order if (codec.name, codec.clock_rate, codec.channels) in _SOUND]
    if not sound:
        raise BadRequest(
            "none of the offered audio codecs is supported: Opus, G.722, PCMU, PCMA", code="unsupported_codec"
        )
    sound.sort(key=lambda codec: codec.name != "opus")  # stable: Opus first, then as the client prefers
    events = [codec for codec in in_order if codec.name == "telephone-event"]
    same_clock = [codec for codec in events if codec.clock_rate == sound[0].clock_rate]
    extensions = {e.uri: e.id for e in media.rtp.headerExtensions if 1 <= e.id <= 14}
    redundancy, noise = _redundancy(in_order, sound[0], red), _comfort_noise(in_order, sound[0])
    return Agreed(
        mid=media.rtp.muxId or "0",
        codecs={codec.payload_type: codec for codec in _preferred(sound, redundancy, noise, events, red)},
        send=sound[0],
        telephone_event=next(iter([*same_clock, *events]), None),
        redundancy=redundancy,
        comfort_noise=noise,
        ptime_ms=_ptime(section),
        receiving=direction in ("sendrecv", "recvonly"),
        sending=direction in ("sendrecv", "sendonly"),
        level_id=extensions.get(LEVEL_URI),
        mid_id=extensions.get(MID_URI),
        remote_ssrc=_remote_ssrc(section),
    )


def write_codec(codec: Codec, *, dtx: bool) -> list[str]:
    """Return the lines of the answer that describe a format; ``dtx`` asks for nothing to be sent in silence."""
    name = codec.name if codec.name in _LOWER else codec.name.upper()
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{codec.payload_type} {name}/{codec.clock_rate}{channels}"]
    if codec.name == "opus":
        lines.append(f"a=fmtp:{codec.payload_type} minptime=10;useinbandfec=1" + (";usedtx=1" if dtx else ""))
    elif codec.name == "red":
        lines.append(f"a=fmtp:{codec.payload_type} {_levels(codec)}")
    elif codec.name == "telephone-event":
        lines.append(f"a=fmtp:{codec.payload_type} 0-15")
    return lines


def _offered(media: MediaDescription) -> Iterable[Codec]:
    for codec in media.rtp.codecs:
        name = codec.mimeType.partition("/")[2].lower()
        channels, payload_type = codec.channels or 1, codec.payloadType
        known = (name, codec.clockRate, channels) in _SOUND | _BESIDE
        if known and payload_type is not None and 0 <= payload_type <= 127:
            parameters = {key.strip(): "" if v is None else str(v) for key, v in codec.parameters.items()}
            yield Codec(name, payload_type, codec.clockRate, channels, parameters)


def _preferred(
    sound: list[Codec], redundancy: Codec | None, noise: Codec | None, events: list[Codec], red: Red
) -> list[Codec]:
    """Put redundancy where the setting wants it: Chromium uses it in every packet when it stands before Opus, else never."""
    first = [sound[0]] if redundancy is None else [sound[0], redundancy]
    if red == "always":
        first.reverse()
    return [*first, *sound[1:], *([] if noise is None else [noise]), *events]


def _redundancy(in_order: list[Codec], send: Codec, red: Red) -> Codec | None:
    """Return the format whose every generation is the Opus that we send (``a=fmtp:63 111/111``, RFC 2198 §5)."""
    if red == "off" or send.name != "opus":
        return None
    wanted = str(send.payload_type)
    for codec in in_order:
        levels = _levels(codec).split("/") if codec.name == "red" else []
        if 2 <= len(levels) <= _MOST_LEVELS and set(levels) == {wanted}:
            return codec
    return None


def _levels(red: Codec) -> str:
    return next(iter(red.parameters), "")


def _comfort_noise(in_order: list[Codec], send: Codec) -> Codec | None:
    fits = send.name in ("pcmu", "pcma")
    return next((codec for codec in in_order if codec.name == "cn"), None) if fits else None


def _ptime(section: list[str]) -> int:
    """Milliseconds per packet that we send: what the client would like (a=ptime), within a=maxptime, 20 at least."""
    wanted = _number(section, "a=ptime:") or 20
    most = _number(section, "a=maxptime:") or _PTIMES[-1]
    return max((p for p in _PTIMES if p <= wanted and p <= most), default=20)


def _number(section: list[str], name: str) -> int | None:
    text = next((line[len(name) :] for line in section if line.startswith(name)), "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None


def _remote_ssrc(section: list[str]) -> int | None:
    text = next((line[7:].split(" ", 1)[0] for line in section if line.startswith("a=ssrc:")), "")
    return int(text) & 0xFFFFFFFF if text.isascii() and text.isdigit() and len(text) <= 10 else None
