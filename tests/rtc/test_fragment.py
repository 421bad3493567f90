import pytest
from aiortc.sdp import candidate_from_sdp

from mediaserver.errors import BadRequest, TooLarge
from mediaserver.rtc.fragment import MAX_BYTES, Fragment, read_fragment, write_fragment
from mediaserver.rtc.ice import Credentials

PWD = "client+password+0123456789"
TRICKLE = (
    f"a=ice-ufrag:EsAw\r\na=ice-pwd:{PWD}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
)
"""As in RFC 9725 §4.3.2."""


def test_a_fragment_as_clients_write_it() -> None:
    assert read_fragment(TRICKLE) == Fragment("EsAw", PWD, 1)


def test_credentials_may_stand_in_each_m_line() -> None:
    once = f"m=audio 9 X 0\na=ice-ufrag:EsAw\na=ice-pwd:{PWD}\n"
    assert read_fragment(once + once.replace("audio", "video")) == Fragment("EsAw", PWD, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=ice-ufrag:EsAw\n",
        f"a=ice-ufrag:a b c d\na=ice-pwd:{PWD}",
        "a=ice-ufrag:EsAw\na=ice-pwd:short",
        TRICKLE + "a=ice-ufrag:other\r\n",
        TRICKLE + "a=candidate:x\r\n" * 20,
        TRICKLE + "\n" * 300,
    ],
)
def test_what_is_no_fragment_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        read_fragment(text)


def test_a_long_one_is_not_read() -> None:
    with pytest.raises(TooLarge):
        read_fragment("x" * (MAX_BYTES + 1))


def test_our_side_of_a_restart_is_read_like_a_clients() -> None:
    ours = Credentials("srvr", "server-password-0123456789", "EsAw", PWD)
    written = write_fragment("0", ours, ["192.0.2.5", "2001:db8::5"], 5004)
    assert read_fragment(written) == Fragment(ours.ufrag, ours.pwd, 2)
    lines = [line.removeprefix("a=candidate:") for line in written.split("\r\n") if "candidate:" in line]
    assert [(c.ip, c.port) for c in map(candidate_from_sdp, lines)] == [("192.0.2.5", 5004), ("2001:db8::5", 5004)]
