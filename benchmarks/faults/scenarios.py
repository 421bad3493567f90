"""The faults, one paragraph each: what is set up, what the caller does, what is measured, what is allowed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.faults.stage import APOLOGY_SENTENCE, MOMENT_SENTENCE, Call, Setting, calling, repeated
from mediaserver.gateway.health import Breakers
from tests.servers import toned
from tests.servers.provider import GARBAGE, Connection, Faults

SPOKEN_WORDS = 4
SETTLED_S = 30.0


@dataclass
class Outcome:
    """What one run showed: figures by name, what took too long, and what was wrong however long it took."""

    figures: dict[str, float] = field(default_factory=dict)
    slow: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def limit(self, name: str, value: float | None, most: float) -> None:
        """Keep a figure; one that is missing is wrong, one over its limit slow."""
        if value is None:
            self.wrong.append(f"{name}: nothing to measure")
            return
        self.figures[name] = value
        if value > most:
            self.slow.append(f"{name} {value:.0f} > {most:.0f}")

    def must(self, so: bool, what: str) -> None:
        """Hold this to be true."""
        if not so:
            self.wrong.append(what)


async def _speak(call: Call, sentence: int = 31, words: int = SPOKEN_WORDS) -> None:
    await asyncio.sleep(0.8)
    call.handset.say(toned.speak(sentence, words, call.handset.hear_rate))


async def _heard_out(call: Call, least: int = 6) -> None:
    """Wait until at least so many sentences were heard and it is quiet."""
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        rate, heard = call.handset.play_rate, call.handset.heard
        if len(call.sentences) >= least and not any(heard[-rate * 3 :]):
            return


def _nothing_lost(outcome: Outcome, call: Call) -> None:
    """The provider that answered has heard all of the caller's words."""
    outcome.figures["caller's words lost"] = SPOKEN_WORDS - max(call.words_of_caller())
    outcome.must(max(call.words_of_caller()) >= SPOKEN_WORDS, f"words of the caller lost: {call.words_of_caller()}")


def _went_on(outcome: Outcome, call: Call) -> None:
    """The reply was heard to its end; a full-duplex model cannot be asked for the rest of one: the caller speaks again."""
    duplex = call.first_capabilities.live_output
    if duplex:
        outcome.figures["cannot be asked to go on"] = 1
    outcome.must(duplex or len(call.sentences) >= 6, f"answer not heard: {call.sentences}")


def _said_once(outcome: Outcome, call: Call) -> None:
    twice = repeated([one for one in call.spoken if one.sentence not in (APOLOGY_SENTENCE, MOMENT_SENTENCE)])
    outcome.figures["said twice"] = len(twice)
    outcome.must(not twice, f"said twice: {twice}")


async def closed_mid_utterance(provider: str) -> Outcome:
    """P1: the connection breaks while the caller speaks."""
    outcome = Outcome()
    async with calling(Setting(provider, Faults(close_after_ms=2200, close_code=None))) as call:
        await _speak(call)
        await _heard_out(call)
        outcome.limit("switch ms", call.switch_ms(), 300)
        outcome.must(len(call.sentences) >= 6, f"answer not heard: {call.sentences}")
        _nothing_lost(outcome, call)
        _said_once(outcome, call)
    return outcome


async def closed_mid_reply(provider: str) -> Outcome:
    """P1: the connection breaks while the reply is being sent."""
    outcome = Outcome()
    async with calling(Setting(provider, Faults(close_mid_reply_ms=3000, only_first=True, close_code=None))) as call:
        await _speak(call)
        await _heard_out(call)
        outcome.limit("switch ms", call.switch_ms(), 300)
        outcome.limit("gap ms", call.gap_ms(), 1000)
        _went_on(outcome, call)
        _said_once(outcome, call)
    return outcome


async def half_open(provider: str) -> Outcome:
    """P2: the provider falls silent in the middle of a reply while TCP lives on."""
    outcome = Outcome()
    async with calling(Setting(provider, Faults(half_open_mid_reply_ms=3000, only_first=True))) as call:
        await _speak(call)
        await _heard_out(call)
        outcome.limit("gap ms", call.gap_ms(), 2500)
        _went_on(outcome, call)
        _said_once(outcome, call)
    return outcome


async def slow(provider: str) -> Outcome:
    """P3: five seconds to the first sound: a few words to wait by, and the answer; leaving frees the provider at once."""
    outcome = Outcome()
    async with calling(Setting(provider, Faults(first_audio_s=5.0), heard=("hello there",))) as call:
        await _speak(call)
        await _heard_out(call, least=2)
        duplex = call.first_capabilities.live_output  # it owes no answer to each turn, so nobody waits for one
        outcome.must(duplex or MOMENT_SENTENCE in call.sentences, "no words to wait by")
        outcome.must(len(call.sentences) >= 2, f"answer not heard: {call.sentences}")
        left = time.monotonic()
        call.handset.hang_up()
        async with asyncio.timeout(5):
            await asyncio.gather(*(_gone(connection) for connection in call.first.connections))
        outcome.limit("freed ms", (time.monotonic() - left) * 1000, 1500)
    return outcome


async def _gone(connection: Connection) -> None:
    for _ in range(500):
        if connection.ws.closed:
            return
        await asyncio.sleep(0.01)


async def garbage(provider: str) -> Outcome:
    """P4: nonsense of every kind before the reply: it ends the connection at most, and never the call."""
    outcome = Outcome()
    names = tuple(name for name in GARBAGE if name != "oversize")
    for kinds in (names[:2], ("unknown_event",), names, ("oversize",)):
        async with calling(Setting(provider, Faults(garbage=kinds, only_first=True), heard=("hello there",))) as call:
            await _speak(call)
            await _heard_out(call, least=2)
            outcome.must(len(call.sentences) >= 2, f"{kinds[0]}…: answer not heard: {call.sentences}")
            outcome.must(not call.ended.done(), f"{kinds[0]}…: the call ended")
            _said_once(outcome, call)
    return outcome


async def refused(provider: str) -> Outcome:
    """P5: 401, 429 with and without Retry-After, 500, 503: the next provider at once, no storm."""
    outcome = Outcome()
    for status, retry_after in ((401, None), (429, "2"), (429, None), (429, "1000000000"), (500, None), (503, "1")):
        faults = Faults(refuse=status, retry_after=retry_after)
        async with calling(Setting(provider, faults, heard=("hello there",))) as call:
            await _speak(call)
            await _heard_out(call, least=2)
            joined = call.entries("provider_joined")
            outcome.limit("ready ms", joined[0]["at_ms"] if joined else None, 1000)
            tried = sum(entry["kind"] == "provider_opened" for entry in call.session.record.entries())
            outcome.must(tried <= 3, f"{status}: {tried} tries")
            outcome.must(len(call.sentences) >= 2, f"{status}: answer not heard")
    return outcome


async def all_down(provider: str) -> Outcome:
    """P6: nobody is there: the caller hears an apology within three seconds, and the call ends cleanly."""
    outcome = Outcome()
    async with calling(Setting(provider, Faults(refuse=503), Faults(refuse=503))) as call:
        ended = await asyncio.wait_for(asyncio.shield(call.ended), 15)
        said = call.entries("apologised")
        outcome.limit("apology ms", said[0]["at_ms"] if said else None, 3000)
        outcome.must(APOLOGY_SENTENCE in call.sentences, "the apology was not heard")
        outcome.must(ended.reason == "provider_error", f"ended with {ended.reason}")
    return outcome


async def breaker(provider: str) -> Outcome:
    """P7: calls one after the other with a dead first provider: after five failures it is left alone but for one probe."""
    outcome = Outcome()
    breakers, asked = Breakers(), 0
    for _ in range(12):
        async with calling(Setting(provider, Faults(refuse=500), breakers=breakers)) as call:
            await call.handset.until(lambda call=call: bool(call.entries("provider_joined")), 10)  # type: ignore[misc]
            asked += sum(entry["place"] == "first" for entry in call.entries("provider_opened"))
    outcome.limit("a dead one asked in 12 calls", asked, 7)
    return outcome


async def cap(provider: str) -> Outcome:
    """P8: the provider ends each session after eight seconds: the call goes on without a hole, no turn lost."""
    outcome = Outcome()
    setting = Setting(provider, Faults(session_s=8.0), Faults(session_s=8.0), heard=("hello there",), cap_s=8.0)
    async with calling(setting) as call:
        for turn in range(4):
            before = len(call.sentences)
            await _speak(call, 31 + turn)
            await _heard_out(call, least=before + 2)
            outcome.must(len(call.sentences) >= before + 2, f"turn {turn} was not answered: {call.sentences}")
        joined = call.entries("provider_joined")
        outcome.figures["rotations"] = sum(entry["reason"] == "rotation" for entry in joined)
        outcome.must(outcome.figures["rotations"] >= 1, f"never rotated: {joined}")
        legs = {spent.leg for spent in call.session.record.spent()}
        outcome.must(len(legs) >= 2, f"usage of legs {legs} only")
    return outcome


SCENARIOS: dict[str, Callable[[str], Awaitable[Outcome]]] = {
    "P1 mid-utterance": closed_mid_utterance,
    "P1 mid-reply": closed_mid_reply,
    "P2 half-open": half_open,
    "P3 slow": slow,
    "P4 garbage": garbage,
    "P5 refused": refused,
    "P6 all down": all_down,
    "P7 breaker": breaker,
    "P8 cap": cap,
}
