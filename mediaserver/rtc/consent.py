"""Consent from an address that a client speaks from and did not check: we ask there, its signed answer is the proof. Pure.

A client does not know that its NAT forgot it, and says nothing about it before its next check, seconds later. Sound from
elsewhere that SRTP believes is a reason to ask there with a Binding request (RFC 7675 §5.1, RFC 8445 §7.2.2). It is none to
send there: only an answer signed with the client's ICE password, from the address that was asked, shows that the client is
there and wants our packets. Requests are small and few, so that a client that forges its address harms nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mediaserver.rtc import stun
from mediaserver.rtc.ice import Credentials, Source

WAITS_S = (0.05, 0.1, 0.2, 0.4, 1.0)
"""Seconds after each request until it is sent again, and after the last one until nobody waits for an answer any more."""

GAP_S = 0.05
"""The least time between two requests for one call, wherever they go."""

MOST_ASKED = 4
"""Addresses that one call asks at a time; the one asked first gives way."""

_PRIORITY = (110 << 24 | 0xFFFF << 8 | 255).to_bytes(4, "big")
"""Of a peer-reflexive candidate (RFC 8445 §5.1.2, §7.1.1)."""

Call = TypeVar("Call", bound=Hashable)


@dataclass(slots=True, eq=False)
class _Question(Generic[Call]):
    """One request: the same bytes each time (RFC 8489 §6.2.1)."""

    call: Call
    source: Source
    transaction: bytes
    request: bytes
    password: bytes
    due: float
    sent: int = 1


@dataclass(slots=True)
class _Asked(Generic[Call]):
    """What one call has asked: no other request before ``rest``."""

    rest: float
    questions: dict[Source, _Question[Call]]


class Consents(Generic[Call]):
    """The questions of all calls, times in monotonic seconds. Send what :meth:`ask` and, at :attr:`due`, :meth:`again` say.

    Nothing is kept of a call that asks nothing.
    """

    def __init__(self) -> None:
        self.due = float("inf")
        """When :meth:`again` has something to do."""
        self._open: dict[bytes, _Question[Call]] = {}
        self._calls: dict[Call, _Asked[Call]] = {}
        self._tie_breaker = secrets.token_bytes(8)

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, call: Call, credentials: Credentials, source: Source, now: float) -> bytes | None:
        """Return the request to send to this source; ``None`` while it is asked, or the call has just asked another."""
        asked = self._calls.get(call)
        if asked is not None and (source in asked.questions or now < asked.rest):
            return None
        if asked is None:
            asked = self._calls[call] = _Asked(now, {})
        elif len(asked.questions) >= MOST_ASKED:
            self._drop(next(iter(asked.questions.values())))
        question = self._question(call, credentials, source, now)
        asked.questions[source] = self._open[question.transaction] = question
        asked.rest, self.due = now + GAP_S, min(self.due, question.due)
        return question.request

    def again(self, now: float) -> list[tuple[Source, bytes]]:
        """Return what to send once more, and give up what was asked in vain."""
        sends = []
        for question in [each for each in self._open.values() if each.due <= now]:
            asked = self._calls[question.call]
            if question.sent == len(WAITS_S):
                self._drop(question)
            elif now < asked.rest:
                question.due = asked.rest
            else:
                question.due, asked.rest = now + WAITS_S[question.sent], now + GAP_S
                question.sent += 1
                sends.append((question.source, question.request))
        self.due = min((question.due for question in self._open.values()), default=float("inf"))
        return sends

    def answer(self, message: stun.Message, source: Source) -> Call | None:
        """Return the call whose client consents from this source; ``None`` for what nobody asked, or nobody there signed.

        A good answer settles where the call is: whatever else it asked is forgotten.
        """
        question = self._open.get(message.transaction)
        if question is None or question.source != source or message.kind != stun.BINDING_SUCCESS:
            return None
        if not stun.authentic(message, question.password):
            return None
        self.forget(question.call)
        return question.call

    def forget(self, call: Call) -> None:
        """Let this call have asked nothing."""
        for question in list(self._calls[call].questions.values()) if call in self._calls else ():
            self._drop(question)

    def _question(self, call: Call, credentials: Credentials, source: Source, now: float) -> _Question[Call]:
        # Never USE-CANDIDATE: the client is in control, and a lite agent is always controlled (RFC 8445 §6.1.1, §7.1.2).
        attributes = [
            (stun.USERNAME, f"{credentials.remote_ufrag}:{credentials.ufrag}".encode()),
            (stun.PRIORITY, _PRIORITY),
            (stun.ICE_CONTROLLED, self._tie_breaker),
        ]
        transaction, password = secrets.token_bytes(12), credentials.remote_pwd.encode()
        request = stun.build(stun.BINDING_REQUEST, transaction, attributes, password)
        return _Question(call, source, transaction, request, password, now + WAITS_S[0])

    def _drop(self, question: _Question[Call]) -> None:
        asked = self._calls[question.call]
        del self._open[question.transaction], asked.questions[question.source]
        if not asked.questions:
            del self._calls[question.call]
