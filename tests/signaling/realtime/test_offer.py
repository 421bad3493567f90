import pytest

from signaling.realtime.offer import Offered
from signaling.realtime.wire import SessionPatch
from tests.signaling.doors import KEY, OFFER, door

BOUNDARY = "--b\r\n"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def part(name: str, value: str, extra: str = "") -> str:
    return f'{BOUNDARY}Content-Disposition: form-data; name="{name}"\r\n{extra}\r\n{value}\r\n'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (part("sdp", OFFER) + "--b--\r\n", 201),
        (part("other", "x") + part("sdp", OFFER) + part("session", "") + "--b--\r\n", 201),
        (part("sdp", "x" * 66_000) + "--b--\r\n", 413),
        (part("sdp", OFFER) + part("session", "{") + "--b--\r\n", 400),
        (part("sdp", OFFER) + part("session", "[]") + "--b--\r\n", 400),
        (part("session", "{}") + "--b--\r\n", 400),
        ("".join(part(f"p{n}", "x") for n in range(20)) + "--b--\r\n", 400),
        (part("sdp", OFFER, "Content-Transfer-Encoding: quoted-unprintable\r\n") + "--b--\r\n", 400),
        (f"{BOUNDARY}Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n", 400),
        (part("sdp", OFFER), 400),
        ("", 400),
        (f"{BOUNDARY}no header at all", 400),
    ],
)  # fmt: skip
async def test_multipart_bodies(body: str, status: int) -> None:
    async with door() as at:
        answer = await at.call(data=body.encode(), headers=KEY | FORM)
        assert answer.status == status, await answer.text()


def test_an_offer_says_whether_it_has_channels() -> None:
    audio = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    assert not Offered(audio, SessionPatch()).has_channels
    assert Offered(audio + data, SessionPatch()).has_channels
