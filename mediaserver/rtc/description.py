"""Session descriptions: read a client's offer within hard limits, write our answer (RFC 8866, 3264, 8829, 8843).

The offer is hostile input. Its size, lines and counts are checked first; then only the lines that concern us go through
``aiortc.sdp``, so that whatever else it says costs nothing and cannot confuse the parser. Candidates are counted and
forgotten: an ICE-lite server contacts none of them. Everything here is pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from aiortc.sdp import MediaDescription, SessionDescription

from mediaserver.errors import BadRequest, TooLarge
from mediaserver.rtc.agreement import LEVEL_URI, MID_URI, STATIC, agree, write_codec
from mediaserver.rtc.codecs import Agreed, Red
from mediaserver.rtc.ice import Credentials
from mediaserver.rtc.video import held

MAX_BYTES = 64 * 1024
MAX_LINES = 2000
MAX_LINE = 2048
MAX_MEDIA = 4
MAX_CANDIDATES = 20
MAX_CODECS = 32
MAX_ATTRIBUTES = 16
"""Fingerprints, header extensions and the like: more than this many of a kind in one m-line is no honest offer."""

MAX_MESSAGE = 262144
"""The largest data channel message that we take (RFC 8841 §6), in bytes."""

DIGESTS = ("sha-256", "sha-384", "sha-512")
_AUDIO_PROFILES = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP")
_DATA_PROFILES = ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP")
_MIRROR = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_SETUP = {"actpass": "active", "passive": "active", "active": "passive"}

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_MEDIA_LINE = re.compile(r"m=([a-z]{1,32}) (\d{1,5})(?:/\d+)? ([A-Z/]{1,32}) (.+)", re.ASCII)
_ICE_TEXT = re.compile(r"[A-Za-z0-9+/_=-]{4,256}")  # RFC 8839 §5.4, and what some clients add to it
_TOKEN = re.compile(r"[\x21\x23-\x27\x2a\x2b\x2d\x2e0-9A-Z\x5e-\x7e]{1,64}")
_FORMAT = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}|\d|[1-9]\d|1[01]\d|12[0-7]", re.ASCII)

_TRANSPORT = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:")
_KEPT = {
    "audio": (
        "a=mid:", "a=rtcp-mux", "a=rtpmap:", "a=fmtp:", "a=extmap:", "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive",
        *_TRANSPORT,
    ),
    "application": ("a=mid:", "a=sctp-port:", "a=max-message-size:", *_TRANSPORT),
}  # fmt: skip
_KEPT_ELSEWHERE = ("a=mid:", *_TRANSPORT)
_KEPT_IN_SESSION = ("v=", "o=", "s=", "t=", "a=group:BUNDLE", *_TRANSPORT)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a door answers besides the sound both ways that is the rule.

    ``hold_video``: video m-lines are answered ``inactive``, not refused, for clients that count their transceivers.
    ``ingest``: we hear and send nothing; an offer that sends nothing is refused (RFC 9725 §4.2).
    ``red``: which place redundancy has among the codecs.
    """

    hold_video: bool = False
    ingest: bool = False
    red: Red = "auto"


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One m-line of the offer as the answer has to mirror it.

    ``accepted`` is ``audio``, ``data``, ``held`` (nothing flows; ``codec`` are the lines that describe its one format) or
    ``None`` (refused).
    """

    kind: str
    profile: str
    formats: str
    mid: str | None
    accepted: str | None = None
    codec: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client's offer asks for, and what of it was agreed.

    ``setup`` is our DTLS role in the answer: ``active`` (we send the ClientHello) unless the offer insists on that itself.
    ``fingerprints`` are (algorithm, value) of the certificate that the client must show. ``data_port`` is its SCTP port,
    ``None`` without a data channel.
    """

    media: tuple[MediaLine, ...]
    agreed: Agreed
    setup: str
    fingerprints: tuple[tuple[str, str], ...]
    ufrag: str
    pwd: str
    direction: str
    bundle: tuple[str, ...] = ()
    data_port: int | None = None
    data_limit: int = 65536
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of an answer: where we are, who we are, what our stream is called."""

    credentials: Credentials
    fingerprints: Sequence[tuple[str, str]]
    addresses: Sequence[str]
    port: int
    ssrc: int
    cname: str
    stream_id: str
    track_id: str
    session: int
    version: int = 1
    dtx: bool = False


def read_offer(text: str, terms: Terms | None = None) -> Offer:
    """Judge an offer. Raises TooLarge, or BadRequest with code ``invalid_sdp``, ``no_audio`` or ``unsupported_codec``."""
    lines = _within_limits(text)
    session, sections = _split(lines)
    try:
        parsed = SessionDescription.parse(_essence(session, sections))
        return _agree(parsed, sections, terms or Terms())
    except BadRequest:
        raise
    except Exception as error:
        # aiortc.sdp raises whatever its string handling raises (AssertionError, KeyError, ValueError, …): all of it means
        # that the offer is malformed, and nothing of the offer goes into the message.
        raise _invalid("the session description cannot be read") from error


def _invalid(message: str) -> BadRequest:
    return BadRequest(message, code="invalid_sdp", param="sdp")


# --- limits -----------------------------------------------------------------------------------------------------------


def _within_limits(text: str) -> list[str]:
    if len(text) > MAX_BYTES:
        raise TooLarge(f"the session description is longer than {MAX_BYTES} bytes", param="sdp")
    if _FORBIDDEN.search(text):
        raise _invalid("the session description contains control characters")
    lines = [line.rstrip("\r ") for line in text.split("\n")]
    lines = [line for line in lines if line]
    if not lines or lines[0] != "v=0":
        raise _invalid("a session description begins with v=0")
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE or "\r" in line for line in lines):
        raise _invalid(f"at most {MAX_LINES} lines of {MAX_LINE} characters")
    if sum(line.startswith("a=candidate:") for line in lines) > MAX_CANDIDATES:
        raise _invalid(f"at most {MAX_CANDIDATES} candidates")
    if any(line.startswith("a=crypto:") for line in lines):
        raise _invalid("keys in the session description (SDES) are refused, use DTLS-SRTP")
    return lines


def _split(lines: Iterable[str]) -> tuple[list[str], list[list[str]]]:
    session: list[str] = []
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("m="):
            sections.append([line])
        else:
            (sections[-1] if sections else session).append(line)
    if not sections:
        raise BadRequest("the offer has no audio", code="no_audio", param="sdp")
    if len(sections) > MAX_MEDIA:
        raise _invalid(f"at most {MAX_MEDIA} media lines")
    return session, sections


def _essence(session: list[str], sections: list[list[str]]) -> str:
    """Keep the lines that we act on, in a form that aiortc.sdp reads."""
    kept = [line for line in session if line.startswith(_KEPT_IN_SESSION)]
    for section in sections:
        kept += _essence_of_section(section)
    return "\r\n".join(kept) + "\r\n"


def _essence_of_section(section: list[str]) -> list[str]:
    kind, port, profile, formats = _media_line(section[0])
    names = _KEPT.get(kind, _KEPT_ELSEWHERE)
    attributes = [line for line in section[1:] if line.startswith(names)]
    for name in names:
        limit = MAX_CODECS if name in ("a=rtpmap:", "a=fmtp:", "a=extmap:") else MAX_ATTRIBUTES
        if sum(line.startswith(name) for line in attributes) > limit:
            raise _invalid(f"at most {limit} of {name.removesuffix(':')} in one media line")
    if kind != "audio":
        # Only audio is decoded: payload types of the others are nobody's business and must not fail the call.
        return [f"m=application {port} {profile} webrtc-datachannel", *attributes]
    if len(formats.split()) > MAX_CODECS:
        raise _invalid(f"at most {MAX_CODECS} formats in one media line")
    mapped = {line[9:].split(" ", 1)[0] for line in attributes if line.startswith("a=rtpmap:")}
    bare = set(formats.split()) - mapped
    static = [f"a=rtpmap:{pt} {name}" for pt, name in STATIC.items() if str(pt) in bare]
    described = {*mapped, *(line[9:].split(" ", 1)[0] for line in static)}
    attributes = [a for a in attributes if not a.startswith("a=fmtp:") or a[7:].split(" ", 1)[0] in described]
    return [f"m=audio {port} {profile} {formats}", *static, *attributes]


def _media_line(line: str) -> tuple[str, int, str, str]:
    match = _MEDIA_LINE.fullmatch(line)
    if match is None:
        raise _invalid("a media line cannot be read")
    return match[1], int(match[2]), match[3], match[4]


# --- agreement --------------------------------------------------------------------------------------------------------


def _agree(parsed: SessionDescription, sections: list[list[str]], terms: Terms) -> Offer:
    bundle = next((tuple(map(str, g.items)) for g in parsed.group if g.semantic == "BUNDLE"), ())
    media = [_mirror(section, m) for section, m in zip(sections, parsed.media, strict=True)]
    audio = _first(media, lambda i: media[i].kind == "audio" and _carried(sections[i]))
    if audio is None:
        raise BadRequest("the offer has no audio", code="no_audio", param="sdp")
    data = _first(media, lambda i: _data_channel(media[i], sections[i]) and _together(media, audio, i, bundle))
    if terms.hold_video and media[audio].mid in bundle:
        media = [_held(line, section, bundle) for line, section in zip(media, sections, strict=True)]
    media[audio] = replace(media[audio], accepted="audio")
    if data is not None:
        media[data] = replace(media[data], accepted="data")
    return _offer(parsed, sections, media, audio, data, bundle, terms)


def _offer(
    parsed: SessionDescription,
    sections: list[list[str]],
    media: list[MediaLine],
    audio: int,
    data: int | None,
    bundle: tuple[str, ...],
    terms: Terms,
) -> Offer:
    description = parsed.media[audio]
    if media[audio].profile not in _AUDIO_PROFILES or not description.rtcp_mux:
        raise _invalid("audio has to be offered as DTLS-SRTP with rtcp-mux")
    leaders = [description, *(m for m in parsed.media if m.rtp.muxId and m.rtp.muxId in bundle)]
    ufrag, pwd = _ice(leaders)
    setup, fingerprints = _dtls(leaders)
    direction = _direction(description, terms)
    accepted = [m.mid for m in media if m.accepted]
    return Offer(
        media=tuple(media),
        agreed=agree(description, sections[audio], direction, terms.red),
        setup=setup,
        fingerprints=fingerprints,
        ufrag=ufrag,
        pwd=pwd,
        direction=direction,
        bundle=tuple(mid for mid in bundle if mid in accepted),
        data_port=None if data is None else _port(parsed.media[data].sctp_port),
        data_limit=_data_limit(None if data is None else parsed.media[data]),
        terms=terms,
    )


def _direction(audio: MediaDescription, terms: Terms) -> str:
    direction = _MIRROR[audio.direction or "sendrecv"]
    if terms.ingest and "recv" not in direction:
        raise _invalid("an offer to be heard has to send audio")
    return "recvonly" if terms.ingest else direction


def _mirror(section: list[str], parsed: MediaDescription) -> MediaLine:
    kind, _, profile, formats = _media_line(section[0])
    mid = parsed.rtp.muxId or None
    if mid is not None and not _TOKEN.fullmatch(mid):
        raise _invalid("a=mid is no token")
    # Formats are only repeated when we refuse the line; nonsense is not worth repeating, but one format has to be there.
    return MediaLine(kind, profile, formats if all(map(_FORMAT.fullmatch, formats.split())) else "0", mid)


def _held(line: MediaLine, section: list[str], bundle: tuple[str, ...]) -> MediaLine:
    fits = line.kind == "video" and line.mid in bundle and line.profile in _AUDIO_PROFILES and _carried(section)
    chosen = held(line.formats.split(), section) if fits else None
    return line if chosen is None else replace(line, accepted="held", formats=chosen.format, codec=chosen.lines)


def _first(media: list[MediaLine], fits: Callable[[int], bool]) -> int | None:
    return next((index for index in range(len(media)) if fits(index)), None)


def _carried(section: list[str]) -> bool:
    """A port of zero means refused, unless the line is only there to be bundled (RFC 8843 §6)."""
    return _media_line(section[0])[1] != 0 or "a=bundle-only" in section


def _data_channel(line: MediaLine, section: list[str]) -> bool:
    offered = line.kind == "application" and line.profile in _DATA_PROFILES and _carried(section)
    return offered and any(a.startswith("a=sctp-port:") for a in section)


def _together(media: list[MediaLine], audio: int, data: int, bundle: tuple[str, ...]) -> bool:
    return media[audio].mid in bundle and media[data].mid in bundle


def _port(value: int | None) -> int:
    if value is None or not 0 < value < 65536:
        raise _invalid("a=sctp-port is out of range")
    return value


def _data_limit(data: MediaDescription | None) -> int:
    offered = data.sctpCapabilities.maxMessageSize if data is not None and data.sctpCapabilities else 65536
    return min(offered, MAX_MESSAGE) if offered > 0 else MAX_MESSAGE


def _ice(leaders: list[MediaDescription]) -> tuple[str, str]:
    for media in leaders:
        ufrag, pwd = (media.ice.usernameFragment, media.ice.password) if media.ice else (None, None)
        if ufrag and pwd:
            if not (_ICE_TEXT.fullmatch(ufrag) and _ICE_TEXT.fullmatch(pwd) and len(pwd) >= 22):
                raise _invalid("a=ice-ufrag or a=ice-pwd is malformed")
            return ufrag, pwd
    raise _invalid("a=ice-ufrag and a=ice-pwd are missing")


def _dtls(leaders: list[MediaDescription]) -> tuple[str, tuple[tuple[str, str], ...]]:
    roles = {"auto": "actpass", "client": "active", "server": "passive"}
    for media in leaders:
        if media.dtls is not None and media.dtls.fingerprints:
            known = tuple(
                (f.algorithm.lower(), f.value) for f in media.dtls.fingerprints if f.algorithm.lower() in DIGESTS
            )
            if known:
                return _SETUP[roles[media.dtls.role]], known
    raise _invalid("a=setup and a=fingerprint with sha-256, sha-384 or sha-512 are required")


# --- the answer -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Writer:
    lines: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        self.lines += lines


def write_answer(offer: Offer, local: Local) -> str:
    """Write the answer: same transport in every accepted m-line, port zero in the others (RFC 3264 §6, RFC 8843 §7.3)."""
    out = _Writer()
    out.add("v=0", f"o=- {local.session} {local.version} IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite")
    if offer.bundle:
        out.add("a=group:BUNDLE " + " ".join(offer.bundle))
    out.add("a=msid-semantic: WMS " + local.stream_id)
    writers = {"audio": _write_audio, "data": _write_data, "held": _write_held, None: _write_refusal}
    for line in offer.media:
        writers[line.accepted](out, line, offer, local)
    return "\r\n".join(out.lines) + "\r\n"


def _write_refusal(out: _Writer, line: MediaLine, offer: Offer, local: Local) -> None:
    out.add(f"m={line.kind} 0 {line.profile} {line.formats}", "c=IN IP4 0.0.0.0")
    if line.mid is not None:
        out.add(f"a=mid:{line.mid}")
    out.add("a=inactive")


def _write_audio(out: _Writer, line: MediaLine, offer: Offer, local: Local) -> None:
    agreed = offer.agreed
    out.add(f"m=audio {local.port} {line.profile} " + " ".join(map(str, agreed.codecs)))
    _write_transport(out, line, offer, local)
    for uri, identifier in ((LEVEL_URI, agreed.level_id), (MID_URI, agreed.mid_id)):
        if identifier is not None:
            out.add(f"a=extmap:{identifier} {uri}")
    out.add(f"a={offer.direction}", "a=rtcp-mux")
    for codec in agreed.codecs.values():
        out.add(*write_codec(codec, dtx=local.dtx))
    out.add(f"a=ptime:{agreed.ptime_ms}")
    if agreed.sending:
        out.add(f"a=msid:{local.stream_id} {local.track_id}")
        out.add(
            f"a=ssrc:{local.ssrc} cname:{local.cname}", f"a=ssrc:{local.ssrc} msid:{local.stream_id} {local.track_id}"
        )


def _write_data(out: _Writer, line: MediaLine, offer: Offer, local: Local) -> None:
    out.add(f"m=application {local.port} {line.profile} webrtc-datachannel")
    _write_transport(out, line, offer, local)
    out.add("a=sctp-port:5000", f"a=max-message-size:{MAX_MESSAGE}")


def _write_held(out: _Writer, line: MediaLine, offer: Offer, local: Local) -> None:
    out.add(f"m={line.kind} {local.port} {line.profile} {line.formats}")
    _write_transport(out, line, offer, local)
    out.add("a=inactive", "a=rtcp-mux", *line.codec)


def _write_transport(out: _Writer, line: MediaLine, offer: Offer, local: Local) -> None:
    first = local.addresses[0]
    out.add(f"c=IN IP{6 if ':' in first else 4} {first}")
    if line.mid is not None:
        out.add(f"a=mid:{line.mid}")
    out.add(f"a=ice-ufrag:{local.credentials.ufrag}", f"a=ice-pwd:{local.credentials.pwd}")
    out.add(*candidates(local.addresses, local.port))
    out.add(*(f"a=fingerprint:{algorithm} {value}" for algorithm, value in local.fingerprints))
    out.add(f"a=setup:{offer.setup}")


def candidates(addresses: Sequence[str], port: int) -> list[str]:
    """Return the lines of our host candidates, in our order of preference (RFC 8445 §5.1.2.1), and that they are all."""
    lines = [
        f"a=candidate:{index + 1} 1 udp {(126 << 24) + ((65535 - index) << 8) + 255} {address} {port} typ host"
        for index, address in enumerate(addresses)
    ]
    return [*lines, "a=end-of-candidates"]
