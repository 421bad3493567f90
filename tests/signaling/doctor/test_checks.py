import socket

import msgspec
import pytest

from mediaserver.audio import opus
from mediaserver.config import Config, Media, Server, Tls
from signaling.doctor import checks


def only(findings):
    (found,) = findings
    return found


def config(**sections) -> Config:
    return msgspec.structs.replace(Config(), **sections)


@pytest.fixture
def taken():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", 0))
        yield tcp.getsockname()[1], udp.getsockname()[1]


def test_versions_are_named():
    assert "aiortc" in only(checks.versions(Config())).said


def test_a_taken_http_port_is_wrong_and_the_remedy_named(taken):
    found = only(checks.http_port(config(server=Server(port=taken[0]))))
    assert found.verdict == "wrong"
    assert "taken" in found.said
    assert "--port" in found.remedy


def test_a_free_http_port():
    assert only(checks.http_port(config(server=Server(port=0)))).verdict == "ok"


def test_a_taken_media_port(taken):
    found = only(checks.media_port(config(media=Media(port=taken[1], addresses=("127.0.0.1",)))))
    assert found.verdict == "wrong"
    assert "media.port" in found.remedy


def test_an_address_that_this_machine_does_not_have():
    found = only(checks.media_port(config(media=Media(port=0, addresses=("192.0.2.99",)))))
    assert found.verdict == "wrong"
    assert "public/own" in found.remedy


def test_what_is_no_address():
    found = only(checks.media_port(config(media=Media(addresses=("here",)))))
    assert found.verdict == "wrong"
    assert not list(checks.advertised(config(media=Media(addresses=("here",)))))


@pytest.mark.parametrize(
    ("address", "verdict", "words"),
    [
        ("127.0.0.1", "note", "only this machine"),
        ("10.0.0.5", "note", "inside this network"),
        ("8.8.8.8/10.0.0.5", "ok", "8.8.8.8"),
    ],
)
def test_who_can_reach_what_callers_are_told(address, verdict, words):
    found = only(checks.advertised(config(media=Media(addresses=(address,)))))
    assert found.verdict == verdict
    assert words in found.said


def test_codecs_with_a_library_and_without(monkeypatch):
    assert only(checks.codecs(Config())).verdict == "ok"
    monkeypatch.setattr(opus, "libopus", lambda: opus.Library("none", "", "", None))
    assert only(checks.codecs(Config())).verdict == "wrong"


@pytest.mark.parametrize(
    ("server", "verdict"),
    [
        (Server(), "note"),
        (Server(tls=Tls(mode="self-signed")), "ok"),
        (Server(tls=Tls(mode="files", certificate="/no/such", key="/no/such")), "wrong"),
        (Server(public_url="https://voice.example"), "ok"),
    ],
)
def test_tls(server, verdict):
    assert only(checks.tls(config(server=server))).verdict == verdict


def test_every_worker_needs_its_media_port(taken):
    given = config(server=Server(workers=2), media=Media(port=taken[1] - 1, addresses=("127.0.0.1",)))
    *found, open_them = checks.media_port(given)
    assert found[-1].verdict == "wrong" and str(taken[1]) in found[-1].said
    assert f"{taken[1] - 1} to {taken[1]}" in open_them.said and "firewall" in open_them.remedy


def test_there_are_not_enough_media_ports():
    found = only(checks.media_port(config(server=Server(workers=2), media=Media(port=65535))))
    assert found.verdict == "wrong" and "media.port" in found.remedy
