"""Offers as clients write them, with the pieces that tests vary."""

from __future__ import annotations

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)

TRANSPORT = (
    "a=ice-ufrag:clnt",
    "a=ice-pwd:client+password+0123456789",
    "a=ice-options:trickle",
    f"a=fingerprint:{FINGERPRINT}",
    "a=setup:actpass",
)
SESSION = ("v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=extmap-allow-mixed")

CHROME_AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    *TRANSPORT,
    "a=mid:0",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=sendrecv",
    "a=msid:stream track",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:13 CN/8000",
    "a=rtpmap:110 telephone-event/48000",
    "a=rtpmap:126 telephone-event/8000",
    "a=ssrc:3735928559 cname:abc",
    "a=ssrc:3735928559 msid:stream track",
)
DATA = (
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    *TRANSPORT,
    "a=mid:1",
    "a=sctp-port:5000",
    "a=max-message-size:262144",
)
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    "c=IN IP4 0.0.0.0",
    *TRANSPORT,
    "a=mid:2",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
)


def text(*lines: str) -> str:
    """Join lines as SDP wants them."""
    return "\r\n".join(lines) + "\r\n"


def chrome(*extra: str) -> str:
    """Chrome's offer with a microphone and a data channel, without candidates; ``extra`` goes into the audio."""
    return text(*SESSION, "a=group:BUNDLE 0 1", "a=msid-semantic: WMS stream", *CHROME_AUDIO, *extra, *DATA)


def audio(formats: str, *attributes: str, mid: str = "0") -> str:
    """An offer of audio alone with these formats and attributes."""
    return text(
        *SESSION, f"a=group:BUNDLE {mid}", f"m=audio 9 UDP/TLS/RTP/SAVPF {formats}", *TRANSPORT, f"a=mid:{mid}",
        "a=rtcp-mux", *attributes,
    )  # fmt: skip
