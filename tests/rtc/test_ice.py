"""The lite agent and the deadlines, in virtual time."""

from __future__ import annotations

import os

import pytest

from mediaserver.rtc import ice, stun
from mediaserver.rtc.ice import ConsentRefreshed, PathNominated, Restarted, Source, SourceForgotten, SourceKnown

HOME = Source(0, ("192.0.2.10", 4000))
MOVED = Source(0, ("192.0.2.10", 4001))


def make_agent() -> ice.IceAgent:
    return ice.IceAgent(ice.new_credentials("client", "client-password-of-22c"))


def check(
    credentials: ice.Credentials, *extra: tuple[int, bytes], nominate: bool = True, password: str | None = None
) -> stun.Message:
    attributes = [(stun.USERNAME, f"{credentials.ufrag}:{credentials.remote_ufrag}".encode()), *extra]
    if nominate:
        attributes.append((stun.USE_CANDIDATE, b""))
    data = stun.build(stun.BINDING_REQUEST, os.urandom(12), attributes, (password or credentials.pwd).encode())
    message = stun.parse(data)
    assert message is not None
    return message


def error_code(response: bytes | None) -> int | None:
    message = stun.parse(response or b"")
    if message is None or message.kind != stun.BINDING_ERROR:
        return None
    return message.attributes[stun.ERROR_CODE][2] * 100 + message.attributes[stun.ERROR_CODE][3]


def kinds(verdict: ice.Verdict) -> list[type]:
    return [type(event) for event in verdict.events]


def test_credentials_are_long_enough_and_never_the_same() -> None:
    made = {ice.new_credentials("a", "b") for _ in range(100)}
    assert len({c.ufrag for c in made}) == 100
    assert all(len(c.ufrag) >= 4 and len(c.pwd) >= 22 and c.pwd.isalnum() for c in made)


def test_a_nominating_check_makes_the_path_and_says_where_it_came_from() -> None:
    agent = make_agent()
    verdict = agent.request(check(agent.credentials), HOME, 1.0)
    assert kinds(verdict) == [SourceKnown, PathNominated, ConsentRefreshed]
    assert agent.path == HOME
    answer = stun.parse(verdict.response or b"")
    assert answer is not None
    assert stun.authentic(answer, agent.credentials.pwd.encode())
    assert stun.read_xor_address(answer.attributes[stun.XOR_MAPPED_ADDRESS], answer.transaction) == HOME.address


def test_of_several_nominations_in_one_round_the_first_counts() -> None:
    agent = make_agent()
    agent.request(check(agent.credentials), HOME, 1.0)
    verdict = agent.request(check(agent.credentials), MOVED, 1.01)
    assert kinds(verdict) == [SourceKnown, ConsentRefreshed]
    assert verdict.response is not None
    assert agent.path == HOME


def test_a_check_without_nomination_makes_a_known_source_only() -> None:
    agent = make_agent()
    assert kinds(agent.request(check(agent.credentials, nominate=False), HOME, 1.0)) == [SourceKnown, ConsentRefreshed]
    assert agent.path is None


def test_a_nominating_check_from_elsewhere_moves_the_path() -> None:
    agent = make_agent()
    agent.request(check(agent.credentials), HOME, 1.0)
    verdict = agent.request(check(agent.credentials), MOVED, 9.0)
    assert PathNominated(MOVED, moved=True) in verdict.events
    assert agent.path == MOVED
    assert set(agent.sources) == {HOME, MOVED}


def test_media_moves_the_path_to_a_known_source_and_to_no_other() -> None:
    agent = make_agent()
    agent.request(check(agent.credentials), HOME, 1.0)
    assert agent.follow(MOVED) is None
    agent.request(check(agent.credentials, nominate=False), MOVED, 2.0)
    assert agent.path == HOME
    assert agent.follow(MOVED) == PathNominated(MOVED, moved=True)
    assert agent.follow(MOVED) is None


def test_consent_that_was_asked_for_moves_the_path_at_once_and_keeps_the_old_one_known() -> None:
    agent = make_agent()
    agent.request(check(agent.credentials), HOME, 1.0)
    assert agent.proved(MOVED, 1.1) == (SourceKnown(MOVED), ConsentRefreshed(), PathNominated(MOVED, moved=True))
    assert agent.path == MOVED
    assert set(agent.sources) == {HOME, MOVED}
    assert agent.proved(MOVED, 1.2) == (ConsentRefreshed(),)


@pytest.mark.parametrize("password", ["wrong-password-of-22-ch", "client-password-of-22c"])
def test_a_stranger_with_a_wrong_password_gets_silence(password: str) -> None:
    agent = make_agent()
    assert agent.request(check(agent.credentials, password=password), HOME, 1.0) == ice.Verdict()
    assert agent.sources == ()


def test_a_stranger_without_integrity_gets_silence_and_a_known_source_an_error() -> None:
    agent = make_agent()
    data = stun.build(stun.BINDING_REQUEST, bytes(12), [(stun.USERNAME, b"x:y")], None)
    message = stun.parse(data)
    assert message is not None
    assert agent.request(message, HOME, 1.0).response is None
    agent.request(check(agent.credentials), HOME, 1.0)
    assert error_code(agent.request(message, HOME, 1.0).response) == 400
    assert error_code(agent.request(check(agent.credentials, password="wrong"), HOME, 1.0).response) == 401


def test_somebody_elses_fragment_is_not_ours_to_answer() -> None:
    agent = make_agent()
    other = ice.Credentials(agent.credentials.ufrag, agent.credentials.pwd, "another", "x")
    assert agent.request(check(other), HOME, 1.0).response is None


def test_a_controlled_client_is_told_to_change_its_role() -> None:
    agent = make_agent()
    verdict = agent.request(check(agent.credentials, (stun.ICE_CONTROLLED, bytes(8))), HOME, 1.0)
    assert error_code(verdict.response) == 487
    assert verdict.events == ()


def test_an_attribute_that_must_be_understood_is_refused() -> None:
    agent = make_agent()
    verdict = agent.request(check(agent.credentials, (0x0031, b"")), HOME, 1.0)
    assert error_code(verdict.response) == 420
    assert agent.path is None


def test_sources_are_bounded_and_the_path_is_never_forgotten() -> None:
    agent = make_agent()
    agent.request(check(agent.credentials), HOME, 0.0)
    forgotten = []
    for n in range(50):
        verdict = agent.request(check(agent.credentials, nominate=False), Source(0, ("192.0.2.20", n + 1)), n + 1.0)
        forgotten += [e.source for e in verdict.events if isinstance(e, SourceForgotten)]
        assert len(agent.sources) <= ice.MAX_SOURCES
    assert forgotten[0].address[1] == 1
    assert HOME in agent.sources


def test_a_restart_keeps_the_old_credentials_until_the_new_ones_nominate() -> None:
    agent = make_agent()
    old = agent.credentials
    agent.request(check(old), HOME, 0.0)
    new, void = agent.restart("client2", "client2-password-22-ch")
    assert void == ()
    assert agent.ufrags == (old.ufrag, new.ufrag)
    assert ConsentRefreshed() in agent.request(check(old), HOME, 1.0).events
    assert kinds(agent.request(check(new, nominate=False), MOVED, 1.5)) == [SourceKnown, ConsentRefreshed]
    verdict = agent.request(check(new), MOVED, 2.0)
    assert verdict.events[0] == Restarted(dropped=(old.ufrag,))
    assert agent.path == MOVED
    assert agent.request(check(old), HOME, 3.0).events == ()


def test_a_second_restart_voids_the_first() -> None:
    agent = make_agent()
    first, _ = agent.restart("c2", "x")
    _, void = agent.restart("c3", "x")
    assert void == (first.ufrag,)
    assert agent.request(check(first), HOME, 3.0).events == ()


@pytest.mark.parametrize(
    ("connected", "now", "verdict"),
    [
        (False, 9.9, "waiting"),
        (False, 10.0, "setup_timeout"),
        (True, 104.9, "present"),
        (True, 105.0, "silent"),
        (True, 129.9, "silent"),
        (True, 130.0, "connection_lost"),
    ],
)
def test_deadlines(connected: bool, now: float, verdict: str) -> None:
    presence = ice.Presence(ice.Deadlines(), created=0.0, connected=connected, heard=100.0)
    assert presence.verdict(now) == verdict


def test_a_goodbye_is_the_end_when_it_was_the_last_word() -> None:
    presence = ice.Presence(ice.Deadlines(), created=0.0, connected=True, heard=100.0, said_bye=100.0)
    assert [presence.verdict(now) for now in (104.9, 105.0, 130.0)] == ["present", "client_closed", "connection_lost"]
    presence.heard = 101.0
    assert presence.verdict(106.0) == "silent"
