from __future__ import annotations

from collections.abc import Sequence

from mediaserver.audio.opus import OpusSettings
from mediaserver.audio.packets import Packet, encoding
from mediaserver.conversation.audience import KEPT_ASKS, KEPT_ITEMS, Audience
from mediaserver.conversation.phrases import Phrases
from mediaserver.errors import Hangup
from mediaserver.events import DigitPressed, Event, PlayoutFinished, Problem
from tests.fakes.caller import FakeCaller, tone

KEY = DigitPressed("1", 100)


class Listener:
    """A controller that keeps what it is told; one that is ``slow`` does not keep up."""

    def __init__(self, name: str = "c", *, listens: bool = False, slow: bool = False) -> None:
        self.name, self.listens, self.slow = name, listens, slow
        self.events: list[Event] = []
        self.caller_pcm = bytearray()
        self.model: list[tuple[str, bytes, int]] = []
        self.over = 0

    def tell(self, event: Event) -> None:
        if self.slow:
            raise Hangup("protocol_error", "too slow")
        self.events.append(event)

    def hear_caller(self, pcm: bytes, rate: int) -> None:
        assert rate == 16000
        self.caller_pcm += pcm

    def hear_model(self, item_id: str, pcm: bytes, rate: int) -> None:
        self.model.append((item_id, pcm, rate))

    def ended(self) -> None:
        self.over += 1


class Bench:
    def __init__(
        self, *controllers: Listener, phrases: Phrases | None = None, caller: FakeCaller | None = None
    ) -> None:
        self.caller = caller or FakeCaller(lambda: 0.0)
        self.gone: list[object] = []
        self.seen: list[Event] = []
        self.hides: set[type[Event]] = set()
        self.audience = Audience(self.caller, self.gone.append, self._see, phrases)
        self.audience.rate, self.audience.hear_rate = 24000, 16000
        self.audience.controllers.extend(controllers)

    def _see(self, event: Event) -> Event | None:
        self.seen.append(event)
        return None if type(event) in self.hides else event


def test_everyone_is_told_and_the_book_first() -> None:
    one, other = Listener(), Listener()
    bench = Bench(one, other)
    bench.audience.tell(KEY)
    assert bench.seen == bench.caller.events == one.events == other.events == [KEY]


def test_what_the_client_is_not_to_know_the_controllers_do() -> None:
    one = Listener()
    bench = Bench(one)
    bench.hides.add(DigitPressed)
    bench.audience.tell(KEY)
    assert (bench.caller.events, one.events) == ([], [KEY])


def test_one_that_does_not_keep_up_is_reported_and_the_others_are_told() -> None:
    slow, other = Listener(slow=True), Listener()
    bench = Bench(slow, other)
    bench.audience.tell(KEY)
    assert bench.gone == [slow]
    assert other.events == bench.caller.events == [KEY]


def test_an_error_is_told_to_who_asked_and_to_nobody_else() -> None:
    one, other = Listener(), Listener()
    bench = Bench(one, other)
    bench.audience.asked("e1", one)
    bench.audience.asked(None, other)
    problem = Problem("no", client_event_id="e1")
    bench.audience.tell(problem)
    assert (one.events, other.events, bench.caller.events) == ([problem], [], [])
    strange = Problem("no", client_event_id="e2")
    bench.audience.tell(strange)
    assert bench.caller.events == other.events == [strange]


def test_an_error_for_one_that_left_is_told_to_the_client() -> None:
    one = Listener()
    bench = Bench()
    bench.audience.asked("e1", one)
    bench.audience.tell(Problem("no", client_event_id="e1"))
    assert bench.caller.told(Problem)
    assert not one.events


def test_only_so_many_requests_are_remembered() -> None:
    one = Listener()
    bench = Bench(one)
    for number in range(KEPT_ASKS + 1):
        bench.audience.asked(f"e{number}", one)
    bench.audience.tell(Problem("no", client_event_id="e0"))
    assert bench.caller.told(Problem)


def test_the_loudspeaker_is_the_callers_and_who_listens_hears_it_too() -> None:
    one, other = Listener(listens=True), Listener()
    bench = Bench(one, other)
    bench.audience.play("i", b"12")
    bench.audience.finish("i")
    assert one.model == [("i", b"12", 24000)]
    assert other.model == []
    assert bench.caller._complete == {"i"}
    bench.audience.pause()
    assert bench.caller._paused
    bench.audience.resume()
    assert not bench.caller._paused
    assert [played.item_id for played in bench.audience.clear()] == ["i"]
    assert bench.audience.played("i") == 0


def test_a_phrase_of_the_server_is_heard_by_all_and_one_without_sound_by_nobody() -> None:
    one = Listener(listens=True)
    bench = Bench(one, phrases=Phrases(24000, {"wait": b"12", "mute": b"", "": b"12"}))
    item_id = bench.audience.say("wait", "phrase")
    assert item_id is not None
    assert item_id.startswith("phrase_")
    assert one.model == [(item_id, b"12", 24000)]
    assert bench.caller._complete == {item_id}
    assert [bench.audience.say(text, "phrase") for text in ("mute", "", "never rehearsed")] == [None] * 3
    assert Bench().audience.say("wait", "phrase") is None
    assert bench.audience.queue == (item_id,)


def test_what_is_in_the_queue_is_known_and_bounded() -> None:
    bench = Bench()
    for item in ("a", "b", "a"):
        bench.audience.play(item, b"12")
    assert bench.audience.queue == ("a", "b")
    bench.audience.noted(PlayoutFinished("a", 20, 0.0))
    bench.audience.noted(KEY)
    assert bench.audience.queue == ("b",)
    bench.audience.clear()
    assert bench.audience.queue == ()
    for number in range(KEPT_ITEMS + 1):
        bench.audience.play(str(number), b"12")
    assert len(bench.audience.queue) == KEPT_ITEMS


class Opus(FakeCaller):
    """A caller whose line is Opus, while it ``passes``."""

    passes = True

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.packets: list[tuple[str, list[Packet]]] = []
        self.kept = False

    def keep_packets(self) -> None:
        self.kept = True

    def play_packets(self, item_id: str, packets: Sequence[Packet]) -> None:
        self.packets.append((item_id, [*packets]))


def encoded() -> list[Packet]:
    return [*encoding(tone(60, 24000), 24000, OpusSettings())][:3]


def test_packets_go_to_a_caller_who_takes_them_and_count_in_the_queue() -> None:
    caller, packets = Opus(), encoded()
    bench = Bench(caller=caller)
    bench.audience.play_packets("i", packets)
    assert caller.packets == [("i", packets)]
    assert bench.audience.queue == ("i",)
    caller.passes = False
    bench.audience.play_packets("i", packets)
    assert len(caller.packets) == 1
    assert len(caller._sound["i"]) == 3 * 960


def test_packets_are_decoded_for_a_caller_who_takes_none_and_for_who_listens_in() -> None:
    plain = Bench()
    plain.audience.play_packets("i", encoded())
    assert len(plain.caller._sound["i"]) == 3 * 960
    one, caller = Listener(listens=True), Opus()
    Bench(one, caller=caller).audience.play_packets("i", encoded())
    assert caller.packets == []
    assert [len(pcm) for _, pcm, _ in one.model] == [3 * 960]
    assert any(caller._sound["i"])


def test_a_phrase_is_said_in_its_packets_where_that_is_possible() -> None:
    packets = encoded()
    phrases = Phrases(24000)
    phrases.add("wait", b"12", packets)
    phrases.add("plain", b"34")
    caller = Opus()
    bench = Bench(caller=caller, phrases=phrases)
    item_id = bench.audience.say("wait", "phrase")
    assert caller.packets == [(item_id, packets)]
    assert caller._complete == {item_id}
    other = bench.audience.say("plain", "phrase")
    assert caller._sound == {other: bytearray(b"34")}
    caller.passes = False
    last = bench.audience.say("wait", "phrase")
    assert bytes(caller._sound[last or ""]) == b"12"
