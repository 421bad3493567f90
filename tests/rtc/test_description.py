"""Offers in, answers out: what is agreed, what is refused, and that no text can do worse."""

from __future__ import annotations

import random
import string
import time

import pytest
from aiortc.sdp import SessionDescription

from mediaserver.errors import BadRequest, RequestError, TooLarge
from mediaserver.rtc.agreement import LEVEL_URI, MID_URI
from mediaserver.rtc.description import Local, Offer, Terms, read_offer, write_answer
from mediaserver.rtc.ice import Credentials
from tests.rtc import offers

LOCAL = Local(
    credentials=Credentials("srvr", "server-password-0123456789", "clnt", "x"),
    fingerprints=[("sha-256", "CD:EF")],
    addresses=["192.0.2.5", "2001:db8::5"],
    port=5004,
    ssrc=1234,
    cname="us",
    stream_id="stream-of-ours",
    track_id="track-of-ours",
    session=77,
)


def answer(text: str, terms: Terms | None = None, **changes: object) -> str:
    return write_answer(
        read_offer(text, terms), Local(**{**{f: getattr(LOCAL, f) for f in Local.__slots__}, **changes})
    )


def refusal(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read_offer(text)
    return caught.value


# --- what is agreed ---------------------------------------------------------------------------------------------------


def test_chromes_offer() -> None:
    offer = read_offer(offers.chrome())
    agreed = offer.agreed
    assert [c.name for c in agreed.codecs.values()] == ["opus", "red", "g722", "pcmu", "pcma", *["telephone-event"] * 2]
    assert (agreed.send.name, agreed.send.payload_type, agreed.send.clock_rate) == ("opus", 111, 48000)
    assert agreed.send.parameters == {"minptime": "10", "useinbandfec": "1"}
    assert agreed.telephone_event is not None
    assert agreed.telephone_event.payload_type == 110
    assert (agreed.level_id, agreed.mid_id, agreed.remote_ssrc, agreed.mid) == (1, 4, 3735928559, "0")
    assert (offer.data_port, offer.data_limit) == (5000, 262144)
    assert offer.setup == "active"
    assert offer.fingerprints == (("sha-256", offers.FINGERPRINT.split()[1]),)


def test_the_answer_is_read_by_aiortc_and_repeats_the_transport_everywhere() -> None:
    written = answer(offers.chrome())
    parsed = SessionDescription.parse(written)
    assert "a=ice-lite\r\n" in written.split("m=")[0]
    assert [str(g) for g in parsed.group] == ["BUNDLE 0 1"]
    audio, data = parsed.media
    for media in (audio, data):
        assert media.ice is not None
        assert (media.ice.usernameFragment, media.ice.password) == ("srvr", "server-password-0123456789")
        assert [(c.ip, c.port, c.type) for c in media.ice_candidates] == [
            ("192.0.2.5", 5004, "host"),
            ("2001:db8::5", 5004, "host"),
        ]
        assert media.ice_candidates_complete
        assert media.dtls is not None
        assert media.dtls.role == "client"
    assert audio.rtcp_mux
    assert audio.msid == "stream-of-ours track-of-ours"
    assert audio.ssrc[0].cname == "us"
    assert {e.uri: e.id for e in audio.rtp.headerExtensions} == {LEVEL_URI: 1, MID_URI: 4}
    assert data.sctp_port == 5000
    assert "trickle" not in written


def test_ipv4_is_preferred_by_priority() -> None:
    candidates = SessionDescription.parse(answer(offers.chrome())).media[0].ice_candidates
    assert candidates[0].priority > candidates[1].priority


@pytest.mark.parametrize(
    ("offered", "mirrored", "receiving", "sending"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("sendonly", "recvonly", True, False),
        ("recvonly", "sendonly", False, True),
        ("inactive", "inactive", False, False),
    ],
)
def test_directions_are_mirrored(offered: str, mirrored: str, receiving: bool, sending: bool) -> None:
    text = offers.audio("0", f"a={offered}")
    agreed = read_offer(text).agreed
    assert (agreed.receiving, agreed.sending) == (receiving, sending)
    written = answer(text)
    assert f"a={mirrored}\r\n" in written
    assert ("a=msid:" in written) is sending


def test_opus_comes_first_then_the_clients_order() -> None:
    agreed = read_offer(offers.audio("8 0 96", "a=rtpmap:96 opus/48000/2")).agreed
    assert [c.name for c in agreed.codecs.values()] == ["opus", "pcma", "pcmu"]


@pytest.mark.parametrize(("formats", "name"), [("0", "pcmu"), ("8", "pcma"), ("9", "g722"), ("13 8 0", "pcma")])
def test_static_payload_types_need_no_rtpmap(formats: str, name: str) -> None:
    assert read_offer(offers.audio(formats)).agreed.send.name == name


def test_the_telephone_event_of_the_same_clock_is_chosen() -> None:
    both = ("a=rtpmap:110 telephone-event/48000", "a=rtpmap:126 telephone-event/8000")
    chosen = read_offer(offers.audio("0 110 126", *both)).agreed.telephone_event
    assert chosen is not None
    assert chosen.payload_type == 126


def test_parameters_are_kept_as_the_client_wrote_them() -> None:
    fmtp = "a=fmtp:96 maxaveragebitrate=20000;stereo=1;useinbandfec=0;usedtx=1;maxplaybackrate=16000;cbr"
    parameters = read_offer(offers.audio("96", "a=rtpmap:96 opus/48000/2", fmtp)).agreed.send.parameters
    assert parameters == {
        "maxaveragebitrate": "20000", "stereo": "1", "useinbandfec": "0", "usedtx": "1", "maxplaybackrate": "16000",
        "cbr": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "ptime"),
    [
        ((), 20),
        (("a=ptime:40",), 40),
        (("a=ptime:60", "a=maxptime:40"), 40),
        (("a=ptime:10",), 20),
        (("a=ptime:1000",), 60),
        (("a=maxptime:10",), 20),
        (("a=ptime:x",), 20),
        (("a=ptime:²",), 20),
    ],
)
def test_packet_time(attributes: tuple[str, ...], ptime: int) -> None:
    assert read_offer(offers.audio("0", *attributes)).agreed.ptime_ms == ptime


def test_dtx_is_asked_for_when_wanted() -> None:
    assert "usedtx" not in answer(offers.chrome())
    assert "minptime=10;useinbandfec=1;usedtx=1\r\n" in answer(offers.chrome(), dtx=True)


@pytest.mark.parametrize(("theirs", "ours"), [("actpass", "active"), ("passive", "active"), ("active", "passive")])
def test_the_dtls_role(theirs: str, ours: str) -> None:
    assert read_offer(offers.chrome().replace("a=setup:actpass", f"a=setup:{theirs}")).setup == ours


# --- m-lines ----------------------------------------------------------------------------------------------------------


def lines_of(written: str) -> list[str]:
    return [line for line in written.split("\r\n") if line.startswith("m=")]


def test_video_is_refused_with_port_zero_and_left_out_of_the_bundle() -> None:
    text = offers.text(*offers.SESSION, "a=group:BUNDLE 2 0 1", *offers.VIDEO, *offers.CHROME_AUDIO, *offers.DATA)
    written = answer(text)
    assert lines_of(written) == [
        "m=video 0 UDP/TLS/RTP/SAVPF 96 97",
        "m=audio 5004 UDP/TLS/RTP/SAVPF 111 63 9 0 8 110 126",
        "m=application 5004 UDP/DTLS/SCTP webrtc-datachannel",
    ]
    assert "a=group:BUNDLE 0 1\r\n" in written
    assert SessionDescription.parse(written).media[0].rtp.muxId == "2"


def test_video_is_held_for_a_client_that_counts_its_transceivers() -> None:
    text = offers.text(*offers.SESSION, "a=group:BUNDLE 0 2 1", *offers.CHROME_AUDIO, *offers.VIDEO, *offers.DATA)
    written = answer(text, Terms(hold_video=True))
    assert lines_of(written)[1] == "m=video 5004 UDP/TLS/RTP/SAVPF 96"
    assert "a=group:BUNDLE 0 2 1\r\n" in written
    video = SessionDescription.parse(written).media[1]
    assert (video.direction, video.rtcp_mux, video.rtp.muxId) == ("inactive", True, "2")
    assert [codec.mimeType for codec in video.rtp.codecs] == ["video/VP8"]


@pytest.mark.parametrize(
    "changes",
    [("m=video 9", "m=video 0"), ("VP8/90000", "V P8"), ("UDP/TLS/RTP/SAVPF 96", "RTP/AVP 96"), ("0 2 1", "0 1")],
)
def test_video_that_cannot_be_held_is_refused(changes: tuple[str, str]) -> None:
    text = offers.text(*offers.SESSION, "a=group:BUNDLE 0 2 1", *offers.CHROME_AUDIO, *offers.VIDEO, *offers.DATA)
    written = answer(text.replace(*changes), Terms(hold_video=True))
    assert lines_of(written)[1].startswith("m=video 0 ")


@pytest.mark.parametrize("direction", ["sendrecv", "sendonly"])
def test_ingest_is_heard_and_never_answered_with_sound(direction: str) -> None:
    text = offers.chrome().replace("a=sendrecv", f"a={direction}")
    offer = read_offer(text, Terms(ingest=True))
    assert (offer.direction, offer.agreed.receiving, offer.agreed.sending) == ("recvonly", True, False)
    written = answer(text, Terms(ingest=True))
    assert "a=recvonly\r\n" in written and "a=ssrc:" not in written


@pytest.mark.parametrize("direction", ["recvonly", "inactive"])
def test_ingest_of_nothing_is_refused(direction: str) -> None:
    with pytest.raises(BadRequest, match="has to send"):
        read_offer(offers.chrome().replace("a=sendrecv", f"a={direction}"), Terms(ingest=True))


def test_what_another_medium_says_cannot_fail_the_call() -> None:
    odd = ("m=video 9 UDP/TLS/RTP/SAVPF 300 xyz", "a=mid:2", "a=rtpmap:nonsense", "a=fmtp:1", "a=candidate:broken")
    offer = read_offer(offers.text(*offers.SESSION, "a=group:BUNDLE 0 2", *offers.CHROME_AUDIO, *odd))
    assert [m.accepted for m in offer.media] == ["audio", None]


def test_only_the_first_audio_is_taken() -> None:
    second = ("m=audio 9 UDP/TLS/RTP/SAVPF 0", *offers.TRANSPORT, "a=mid:9", "a=rtcp-mux")
    offer = read_offer(offers.text(*offers.SESSION, "a=group:BUNDLE 0 9", *offers.CHROME_AUDIO, *second))
    assert [m.accepted for m in offer.media] == ["audio", None]


def test_an_audio_line_that_the_client_closed_is_skipped() -> None:
    closed = ("m=audio 0 UDP/TLS/RTP/SAVPF 0", "a=mid:9", "a=inactive")
    offer = read_offer(offers.text(*offers.SESSION, "a=group:BUNDLE 0", *closed, *offers.CHROME_AUDIO))
    assert [m.accepted for m in offer.media] == [None, "audio"]


def test_a_bundle_only_line_takes_the_transport_of_the_bundle() -> None:
    audio = [line for line in offers.CHROME_AUDIO if line not in offers.TRANSPORT]
    audio[0] = audio[0].replace("audio 9", "audio 0")
    offer = read_offer(offers.text(*offers.SESSION, "a=group:BUNDLE 2 0", *offers.VIDEO, *audio, "a=bundle-only"))
    assert [m.accepted for m in offer.media] == [None, "audio"]
    assert offer.ufrag == "clnt"


def test_a_data_channel_outside_the_bundle_is_refused() -> None:
    offer = read_offer(offers.chrome().replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"))
    assert [m.accepted for m in offer.media] == ["audio", None]
    assert offer.data_port is None


def test_an_offer_without_bundle_or_mid_is_answered_alike() -> None:
    text = offers.text(*offers.SESSION, "m=audio 9 UDP/TLS/RTP/SAVPF 0", *offers.TRANSPORT, "a=rtcp-mux")
    written = answer(text)
    assert "BUNDLE" not in written
    assert "a=mid" not in written


def test_candidates_are_counted_and_never_read() -> None:
    local = "a=candidate:1 1 udp 2122260223 9b2f0b9e-7d2f-4b52-a5f5.local 51234 typ host"
    assert read_offer(offers.chrome(*[local] * 20)).agreed.send.name == "opus"
    assert read_offer(offers.chrome("a=candidate:nonsense")).agreed.send.name == "opus"
    assert refusal(offers.chrome(*[local] * 21)).code == "invalid_sdp"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid_sdp"),
        ("hello", "invalid_sdp"),
        ("v=0\r\n", "no_audio"),
        (offers.text(*offers.SESSION, "a=group:BUNDLE 1", *offers.DATA), "no_audio"),
        (offers.text(*offers.SESSION, "a=group:BUNDLE 2", *offers.VIDEO), "no_audio"),
        (offers.audio("96", "a=rtpmap:96 speex/16000"), "unsupported_codec"),
        (offers.audio("96", "a=rtpmap:96 opus/16000/2"), "unsupported_codec"),
        (offers.audio("101", "a=rtpmap:101 telephone-event/8000"), "unsupported_codec"),
        (offers.chrome("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc"), "invalid_sdp"),
        (offers.chrome().replace("a=rtcp-mux\r\n", ""), "invalid_sdp"),
        (offers.chrome().replace("a=fingerprint:sha-256", "a=fingerprint:sha-1"), "invalid_sdp"),
        (offers.chrome().replace("a=fingerprint:", "a=nothing:"), "invalid_sdp"),
        (offers.chrome().replace("a=setup:actpass\r\n", ""), "invalid_sdp"),
        (offers.chrome().replace("a=setup:actpass", "a=setup:holdconn"), "invalid_sdp"),
        (offers.chrome().replace("a=ice-pwd:", "a=ice-pw:"), "invalid_sdp"),
        (offers.chrome().replace("a=ice-pwd:client", "a=ice-pwd:\u00e9client"), "invalid_sdp"),
        (offers.chrome().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "invalid_sdp"),
        (offers.chrome().replace("a=sctp-port:5000", "a=sctp-port:70000"), "invalid_sdp"),
        (offers.chrome().replace("a=sctp-port:5000", "a=sctp-port:" + "9" * 1000), "invalid_sdp"),
        (offers.chrome().replace("a=mid:0", "a=mid:0 \x00"), "invalid_sdp"),
        (offers.chrome().replace("a=mid:0", "a=mid:\u2028m=audio"), "invalid_sdp"),
        (offers.chrome().replace("a=mid:0", "a=mid:" + "x" * 100), "invalid_sdp"),
        (offers.chrome("a=" + "x" * 3000), "invalid_sdp"),
        (offers.chrome(*["a=x:y"] * 2001), "invalid_sdp"),
        (offers.chrome(*[f"a=rtpmap:{n} x/1" for n in range(40)]), "invalid_sdp"),
        (offers.chrome(*[f"a=extmap:{n} urn:x" for n in range(40)]), "invalid_sdp"),
        (offers.chrome(*[f"a=fingerprint:{offers.FINGERPRINT}"] * 40), "invalid_sdp"),
        (offers.audio(" ".join(map(str, range(96, 96 + 33)))), "invalid_sdp"),
        (offers.text(*offers.SESSION, *(["m=audio 9 UDP/TLS/RTP/SAVPF 0"] * 5)), "invalid_sdp"),
        (offers.text(*offers.SESSION, "m=audio"), "invalid_sdp"),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)  # fmt: skip
def test_refused_offers_say_why(text: str, code: str) -> None:
    error = refusal(text)
    assert isinstance(error, BadRequest)
    assert error.code == code


def test_an_offer_over_64_kb_is_too_large_at_once() -> None:
    assert isinstance(refusal(offers.chrome() + "a=x\r\n" * 20000), TooLarge)


def test_the_refusal_repeats_nothing_of_the_offer() -> None:
    error = refusal(offers.chrome().replace("a=sctp-port:5000", "a=sctp-port:secret"))
    assert "secret" not in error.message


WORST = [
    offers.audio("0", *[f"a=ssrc:{n} cname:x" for n in range(1900)]),
    offers.audio("0", *["a=rtcp-fb:* nack"] * 1900),
    offers.audio("0", *["a=" + "x" * 30 + ":" + " " * 2000] * 20),
    offers.audio("0", *["m= " + "m" * 2000] * 20),
    "v=0\r\n" + "m" * 60000,
    "v=0\n" + "\n" * 60000,
    "v=0\r\n" + "a=group:BUNDLE " + "0 " * 1000 + "\r\n",
    offers.audio("0 " * 1000),
]


@pytest.mark.parametrize("text", WORST, ids=range(len(WORST)))
def test_the_worst_offers_are_judged_within_milliseconds(text: str) -> None:
    # CPU time, the best of three, so that a busy machine cannot fail the test.
    def once() -> float:
        start = time.thread_time()
        with __import__("contextlib").suppress(RequestError):
            read_offer(text)
        return time.thread_time() - start

    assert min(once() for _ in range(3)) < 0.010


def mutants(count: int) -> list[str]:
    rng = random.Random(20)
    good = offers.text(*offers.SESSION, "a=group:BUNDLE 0 1 2", *offers.CHROME_AUDIO, *offers.DATA, *offers.VIDEO)

    def change(text: str) -> str:
        at, lines = rng.randrange(len(text)), text.split("\r\n")
        line = rng.randrange(len(lines))
        ways = [
            lambda: text[:at] + rng.choice(string.printable + "é\x00\u2028") + text[at + 1 :],
            lambda: text[:at] + text[at + rng.randrange(60) :],
            lambda: text[:at] + text[at : at + 40] * 3 + text[at:],
            lambda: "\r\n".join(lines[:line] + lines[line + 1 :]),
            lambda: "\r\n".join(lines[:line] + [lines[line]] * 2 + lines[line:]),
            lambda: "\r\n".join(rng.sample(lines, len(lines))),
            lambda: text.replace(
                rng.choice(["0", "9", "111", "audio", " ", ":", "="]), rng.choice(["", "-1", "9" * 30])
            ),
            lambda: "\r\n".join([*lines[:line], lines[line].partition(":")[0] + ":", *lines[line + 1 :]]),
        ]
        return rng.choice(ways)()

    made = []
    for _ in range(count):
        text = good
        for _ in range(rng.randrange(1, 4)):
            text = change(text)
        made.append(text)
    return made


def test_mutants_are_answered_or_refused_and_nothing_else() -> None:
    outcomes = set()
    for text in mutants(2000):
        try:
            offer: Offer | None = read_offer(text)
        except RequestError as error:
            assert 400 <= error.status < 500
            outcomes.add(error.code)
            continue
        assert offer is not None
        written = write_answer(offer, LOCAL)
        SessionDescription.parse(written)
        assert len(lines_of(written)) == len(offer.media)
        outcomes.add("answered")
    assert {"answered", "invalid_sdp", "no_audio"} <= outcomes
