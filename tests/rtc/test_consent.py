"""Asking for consent, in virtual time; what another implementation makes of the question."""

from __future__ import annotations

from itertools import pairwise

import pytest
from aioice import stun as theirs

from mediaserver.rtc import ice, stun
from mediaserver.rtc.consent import GAP_S, MOST_ASKED, WAITS_S, Consents
from mediaserver.rtc.ice import Source

NEW = Source(0, ("192.0.2.10", 4001))
CREDENTIALS = ice.Credentials("ours", "our-password-of-22-char", "theirs", "their-password-of-22-ch")
LAPSES_S = sum(WAITS_S)


def port(number: int) -> Source:
    return Source(0, ("192.0.2.20", number))


def answered(request: bytes, password: str = CREDENTIALS.remote_pwd, **changed: object) -> stun.Message:
    """What a client answers to a request; with ``kind`` or ``transaction`` changed, what a forger may."""
    transaction = changed.get("transaction", request[8:20])
    kind = changed.get("kind", stun.BINDING_SUCCESS)
    assert isinstance(transaction, bytes)
    assert isinstance(kind, int)
    mapped = stun.xor_address("198.51.100.1", 8081, transaction)
    message = stun.parse(stun.build(kind, transaction, [(stun.XOR_MAPPED_ADDRESS, mapped)], password.encode()))
    assert message is not None
    return message


def asked(consents: Consents[str], source: Source = NEW, now: float = 0.0, call: str = "a") -> bytes:
    request = consents.ask(call, CREDENTIALS, source, now)
    assert request is not None
    return request


def sent_while(consents: Consents[str], seconds: float) -> list[tuple[float, Source]]:
    """Let time pass as the port does; when was sent what."""
    sends = []
    while consents.due <= seconds:
        now = consents.due
        sends += [(now, source) for source, _ in consents.again(now)]
    return sends


def test_an_independent_implementation_reads_the_question_and_is_not_at_odds_about_roles() -> None:
    read = theirs.parse_message(asked(Consents()))
    assert (read.message_method, read.message_class) == (theirs.Method.BINDING, theirs.Class.REQUEST)
    assert read.attributes["USERNAME"] == "theirs:ours"
    assert read.check_message_integrity(CREDENTIALS.remote_pwd.encode())
    assert "FINGERPRINT" in read.attributes
    assert read.attributes["PRIORITY"] == 110 << 24 | 0xFFFF << 8 | 255
    assert "ICE-CONTROLLED" in read.attributes
    assert {"USE-CANDIDATE", "ICE-CONTROLLING"}.isdisjoint(read.attributes)


def test_a_signed_answer_from_the_address_that_was_asked_is_consent_once() -> None:
    consents = Consents[str]()
    request = asked(consents)
    assert consents.answer(answered(request), NEW) == "a"
    assert consents.answer(answered(request), NEW) is None
    assert len(consents) == 0


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ({}, port(1)),
        ({}, Source(1, NEW.address)),
        ({"password": CREDENTIALS.pwd}, NEW),
        ({"password": "a guess of 22 characters"}, NEW),
        ({"transaction": bytes(12)}, NEW),
        ({"kind": stun.BINDING_ERROR}, NEW),
    ],
    ids=["from elsewhere", "at another of our addresses", "our password", "a guess", "not asked", "an error"],
)
def test_a_forged_answer_is_nothing_and_the_genuine_one_still_counts(answer: dict[str, object], source: Source) -> None:
    consents = Consents[str]()
    request = asked(consents)
    assert consents.answer(answered(request, **answer), source) is None  # type: ignore[arg-type]
    assert consents.answer(answered(request), NEW) == "a"


def test_an_answer_without_integrity_is_nothing() -> None:
    consents = Consents[str]()
    bare = stun.parse(stun.build(stun.BINDING_SUCCESS, asked(consents)[8:20], [], None))
    assert bare is not None
    assert consents.answer(bare, NEW) is None


def test_the_question_is_repeated_a_few_times_and_then_given_up() -> None:
    consents = Consents[str]()
    request = asked(consents)
    assert consents.ask("a", CREDENTIALS, NEW, 0.3) is None
    times = [time for time, _ in sent_while(consents, 60.0)]
    assert times == pytest.approx([sum(WAITS_S[: n + 1]) for n in range(len(WAITS_S) - 1)])
    assert len(consents) == 0
    assert consents.answer(answered(request), NEW) is None
    assert asked(consents, now=LAPSES_S + 1) != request


def test_repeats_are_the_same_bytes() -> None:
    consents = Consents[str]()
    request = asked(consents)
    assert consents.again(WAITS_S[0]) == [(NEW, request)]
    assert consents.again(WAITS_S[0]) == []


def test_a_call_sends_no_two_requests_at_once_wherever_they_go() -> None:
    consents = Consents[str]()
    times, now = [0.0], 0.0
    asked(consents, port(0))
    for number in range(1, 500):  # a packet from a new address each 2 ms
        now = number * 0.002
        times += [now for _ in consents.again(now)]
        times += [now] * (consents.ask("a", CREDENTIALS, port(number), now) is not None)
        assert len(consents) <= MOST_ASKED
    assert len(times) > 5
    assert min(later - sooner for sooner, later in pairwise(times)) >= GAP_S - 1e-9


def test_of_too_many_addresses_the_one_asked_first_gives_way() -> None:
    consents = Consents[str]()
    requests = [asked(consents, port(number), number * GAP_S) for number in range(MOST_ASKED + 1)]
    assert consents.answer(answered(requests[0]), port(0)) is None
    assert consents.answer(answered(requests[1]), port(1)) == "a"


def test_an_answer_settles_where_the_call_is() -> None:
    consents = Consents[str]()
    first, second = asked(consents, port(1)), asked(consents, port(2), GAP_S)
    assert consents.answer(answered(second), port(2)) == "a"
    assert consents.answer(answered(first), port(1)) is None
    assert sent_while(consents, 60.0) == []


def test_calls_ask_without_each_other() -> None:
    consents = Consents[str]()
    ours, others = asked(consents), asked(consents, call="b")
    consents.forget("a")
    consents.forget("a")
    assert consents.answer(answered(ours), NEW) is None
    assert consents.answer(answered(others), NEW) == "b"
    assert consents.again(9.0) == []
    assert consents.due == float("inf")
