"""Opus from the caller to the provider and back, in the packets in which it came: nobody in between encodes it again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest

from benchmarks.client import Caller
from bridges import open_bridge
from mediaserver.audio import packets
from mediaserver.audio.opus import OpusDecoder, OpusEncoder
from mediaserver.audio.packets import LEAD, SILENCE
from mediaserver.conversation.leg import Place
from mediaserver.conversation.session import Session
from mediaserver.conversation.support import Support
from mediaserver.events import Event, Interrupted, OutputStopped, SessionCreated, TranscriptFinal
from mediaserver.gateway.health import Breakers
from mediaserver.rtc import formats
from tests.conversation.calling import SETTINGS
from tests.rtc.clients import Text, media_port, until
from tests.servers import toned
from tests.servers.deepgram_agent import AgentConnection, DeepgramAgentServer
from tests.servers.lean_call import HOST, identity
from tests.servers.minds import Brain

RATE, FRAME_S = 48000, 0.02


class Told(Text):
    """A client without a channel, of which the test sees what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


@dataclass
class Person:
    """Somebody with a headset: speaks all the time, words or silence, and hears what comes back."""

    caller: Caller
    dialect: Told
    spoken: list[bytes] = field(default_factory=list)
    encoder: OpusEncoder = field(default_factory=lambda: OpusEncoder(RATE))
    words: bytes = b""

    def say(self, text: str) -> None:
        self.words = toned.say(text, RATE)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.dialect.events if isinstance(event, kind)]

    async def live(self) -> None:
        size, due, room = RATE // 50 * 2, time.monotonic(), np.random.default_rng(1)
        while True:
            frame, self.words = self.words[:size], self.words[size:]
            frame += room.integers(-20, 21, (size - len(frame)) // 2, "<i2").tobytes()  # no two packets are the same
            self.spoken.append(self.encoder.encode(frame))
            self.caller.send(self.spoken[-1])
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def hears_it_all(self) -> None:
        await until(lambda: self.of(OutputStopped), 30)
        await asyncio.sleep(0.1)  # the last packet is on its way

    @property
    def heard(self) -> list[bytes]:
        """The packets that came back, in order, but for comfort."""
        back = sorted({packet.sequence: packet.payload for packet in self.caller.packets}.items())
        return [payload for _, payload in back if len(payload) > len(SILENCE)]

    def recording(self) -> bytes:
        decoder = OpusDecoder(24000)
        return b"".join(map(decoder.decode, self.heard))


@asynccontextmanager
async def calling(*agents: tuple[str, DeepgramAgentServer]) -> AsyncIterator[Person]:
    """A person on the phone with the first agent, the others in reserve; each over ``linear16`` or ``opus``."""
    async with contextlib.AsyncExitStack() as stack:
        places = []
        for number, (audio, sim) in enumerate(agents):
            await stack.enter_async_context(sim)
            options = {"url": sim.url, "key": sim.key, "audio": audio}
            make = await stack.enter_async_context(open_bridge("deepgram", options))
            places.append(Place(f"agent{number}", partial(make, "model"), "deepgram", str(number)))
        port = await stack.enter_async_context(media_port())
        caller = Caller(identity(), HOST, decrypt=True)
        stack.callback(caller.close)
        person = Person(caller, Told())
        peer, answer = port.accept(caller.offer(), person.dialect)
        session = Session("sess", peer, places, SETTINGS, support=Support(Breakers()))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        running = tasks.create_task(session.run())
        await until(lambda: person.of(SessionCreated))
        asyncio.get_running_loop().add_reader(caller.socket, lambda: caller.readable(time.perf_counter()))
        stack.callback(asyncio.get_running_loop().remove_reader, caller.socket)
        caller.answer(answer)
        await until(lambda: _connected(caller) and peer.connected)
        living = tasks.create_task(person.live())
        yield person
        living.cancel()
        session.end("client_closed")
        await running


def agent(*transcripts: str, **told: object) -> DeepgramAgentServer:
    return DeepgramAgentServer(brain=Brain(*transcripts), **told)


def _connected(caller: Caller) -> bool:
    if time.perf_counter() >= caller.due:
        caller.tick(time.perf_counter())
    return caller.up


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """What was encoded and decoded of the sound on its way, by whom; the ear of our own turn-taking is none of it."""
    count: Counter[str] = Counter()

    def counting(name: str, work: Callable[..., bytes]) -> Callable[..., bytes]:
        def counted(self: object, sound: bytes) -> bytes:
            count[name] += 1
            return work(self, sound)

        return counted

    class Encoder(OpusEncoder):
        encode = counting("encoded for the provider", OpusEncoder.encode)

    class Decoder(OpusDecoder):
        decode = counting("decoded for the caller", OpusDecoder.decode)

    monkeypatch.setattr(formats.OpusOut, "encode", counting("encoded for the caller", formats.OpusOut.encode))
    monkeypatch.setattr(packets, "OpusEncoder", Encoder)
    monkeypatch.setattr(packets, "OpusDecoder", Decoder)
    return count


async def test_a_whole_turn_is_neither_encoded_nor_decoded_on_its_way(worked: Counter[str]) -> None:
    sim = agent("what time is it")
    async with calling(("opus", sim)) as person:
        person.say("what time is it")
        await person.hears_it_all()
        one = sim.last
        assert [event.text for event in person.of(TranscriptFinal)] == ["what time is it"]
        assert toned.sentences(person.recording(), 24000) == [toned.number(text) for text in one.said]
        assert set(person.heard) <= set(one.sent_packets)
        assert len(person.heard) == len(one.sent_packets)
        passed = _passed(one, person)
        assert passed == sorted(passed)
        made = [packet for packet in one.packets if packet not in person.spoken]
        assert len(made) <= len(passed) / 10
        assert worked["encoded for the caller"] == worked["decoded for the caller"] == 0
        assert worked["encoded for the provider"] <= len(made)


async def test_a_barge_in_costs_a_few_packets_and_the_book_knows_what_was_heard(worked: Counter[str]) -> None:
    async with calling(("opus", agent("count to nine", "stop it"))) as person:
        person.say("count to nine")
        await until(lambda: len(person.heard) >= 40, 20)
        person.say("stop it now please")
        await until(lambda: person.of(Interrupted), 20)
        (cut,) = person.of(Interrupted)
        before = len(person.heard)
        assert 700 <= cut.played_ms <= before * 20 + 40
        assert cut.text.startswith("Sentence one")
        assert cut.unheard
        assert 0 < sum(worked.values()) <= 3 * LEAD
        assert worked["encoded for the provider"] == 0


async def test_what_was_said_in_packets_is_said_again_in_pcm_to_the_next_provider() -> None:
    first, second = agent(), agent("what time is it")
    async with calling(("opus", first), ("linear16", second)) as person:
        await until(lambda: first.connections and len(first.last.packets) > 10, 20)
        person.say("what time is it")
        await until(lambda: first.last.ear.speaking, 20)
        await asyncio.sleep(0.3)
        first.drop()
        await person.hears_it_all()
        assert [event.text for event in person.of(TranscriptFinal)] == ["what time is it"]
        assert toned.sentences(bytes(second.last.received), 24000) == [toned.number("what time is it")]
        assert toned.sentences(person.recording(), 24000) == [toned.number(text) for text in second.last.said]


async def test_the_same_call_over_pcm_is_encoded_packet_by_packet(worked: Counter[str]) -> None:
    async with calling(("linear16", agent("what time is it"))) as person:
        person.say("what time is it")
        await until(lambda: len(person.heard) >= 20, 20)
        assert worked["encoded for the caller"] >= 20


def _passed(one: AgentConnection, person: Person) -> list[int]:
    """Return which of the person's packets reached the agent; those of a moment in which this machine stood still do not."""
    places = {packet: place for place, packet in enumerate(person.spoken)}
    return [places[packet] for packet in one.packets if packet in places]
