from __future__ import annotations

from mediaserver.audio.packets import PAUSE_DB, SPEECH_DB, Packet
from mediaserver.commands import Command
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.heard import Ledger
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.replies import GONE_AFTER_S, PROGRESS_S, Replies, Reply
from mediaserver.conversation.turn import Happening, ReplyHeard, ReplyMade, ReplyOver
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Heard,
    Interrupted,
    ItemAdded,
    ItemDone,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    PlayoutFinished,
    PlayoutStarted,
    ReplyPaused,
    ReplyResumed,
    ResponseCreated,
    ResponseDone,
    TextDelta,
    TextDone,
)
from mediaserver.settings import Settings
from tests.conversation.test_outbox import Way
from tests.fakes.caller import FakeCaller, tone

SETTINGS = Settings("local", voice="amy")


class Bench:
    """Replies with everything around them, and a clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.way = Way()
        self.turned: list[Happening] = []
        self.caller = FakeCaller(lambda: self.now)
        self.conversation = Conversation()
        outbox = Outbox(self.way)
        outbox.open()
        ledger = Ledger(16000)
        self.replies = Replies(self.conversation, self.caller, outbox, ledger, lambda: self.now, self.turned.append)
        self.caller.attach(self, hear_rate=16000, play_rate=16000, live=False)  # type: ignore[arg-type]

    def hear(self, _pcm: bytes, _at: float) -> None:
        pass

    def note(self, event: PlayoutStarted | PlayoutFinished) -> None:
        self.replies.started(event) if isinstance(event, PlayoutStarted) else self.replies.finished(event)

    def pass_time(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.now += 0.02
            self.caller._tick()
            self.replies.tick(self.now)

    def speak(self, text: str, ms: int, response_id: str = "resp_1") -> None:
        self.replies.happened(TextDelta(response_id, "item_1", text))
        self.replies.happened(AudioDelta(response_id, "item_1", tone(ms), text))

    def commands(self) -> list[Command]:
        return [one for one in self.way.came if isinstance(one, Command)]


def test_what_the_bridge_leaves_unsaid_is_said_once_and_in_order() -> None:
    bench = Bench()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.speak("Hello.", 200)
    bench.replies.happened(ResponseDone("resp_1"))
    bench.replies.happened(ResponseDone("resp_1"))
    bench.pass_time(400)
    assert bench.caller.names() == [
        "ResponseCreated", "ItemAdded", "TextDelta", "AudioDone", "TextDone", "ItemDone", "ResponseDone",
        "OutputStarted", "Heard", "Heard", "OutputStopped",
    ]  # fmt: skip
    assert bench.turned == [ReplyMade(), ReplyHeard(), ReplyOver()]
    assert bench.caller.told(ResponseCreated)[0].voice == "amy"
    assert bench.caller.told(TextDone)[0].text == "Hello."
    assert [item.text for item in bench.conversation.snapshot()] == ["Hello."]


def test_doubles_and_strangers_are_nothing() -> None:
    bench = Bench()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.replies.happened(ResponseCreated("resp_1"))
    bench.replies.happened(ResponseCreated("resp_1"))
    bench.replies.happened(TextDelta("resp_x", "item_x", "who?"))
    bench.speak("Hello.", 200)
    for _ in range(2):
        bench.replies.happened(TextDone("resp_1", "item_1", "Hello."))
        bench.replies.happened(AudioDone("resp_1", "item_1"))
    bench.replies.happened(ResponseDone("resp_1"))
    names = bench.caller.names(Heard)
    assert len(names) == len(set(names))
    assert not bench.replies.happened(OutputStarted("resp_1"))


def test_progress_is_told_five_times_a_second_and_not_while_paused() -> None:
    bench = Bench()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.speak("One two three four five six seven eight nine ten.", 3000)
    bench.pass_time(1100)
    told = len(bench.caller.told(Heard))
    assert told in (5, 6)
    bench.replies.pause()
    assert bench.replies.due is None
    assert bench.replies.level() is None
    bench.pass_time(1000)
    assert len(bench.caller.told(Heard)) == told
    bench.replies.resume()
    bench.pass_time(round(PROGRESS_S * 1000))
    heard = bench.caller.told(Heard)
    assert len(heard) > told
    assert [one.played_ms for one in heard] == sorted(one.played_ms for one in heard)
    assert bench.caller.names(Heard)[-2:] == ["ReplyPaused", "ReplyResumed"]
    assert bench.caller.told(ReplyPaused)[0].response_id == bench.caller.told(ReplyResumed)[0].response_id == "resp_1"
    level = bench.replies.level()
    assert level is not None
    assert round(level) == -20


def test_an_interruption_after_the_last_word_was_made_cuts_what_was_not_heard() -> None:
    bench = Bench()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.speak("One two three four five.", 1500)
    bench.replies.happened(ResponseDone("resp_1"))
    bench.pass_time(620)
    bench.replies.pause()
    paused_at = bench.now
    bench.pass_time(200)
    bench.replies.interrupt("turn_detected", 99.0)
    (cut,) = bench.caller.told(Interrupted)
    assert (cut.text, cut.unheard, cut.onset_at, cut.silent_at) == ("One two", "three four five.", 99.0, paused_at)
    assert bench.caller.told(OutputCleared)
    assert not bench.caller.told(OutputStopped)
    assert [item.text for item in bench.conversation.snapshot()] == ["One two"]
    assert [type(one).__name__ for one in bench.commands()] == ["Respond"]  # there was nothing left to stop
    assert bench.turned[-1] == ReplyHeard()  # the turn knows: it asked for it


def test_nothing_is_taken_of_a_response_that_was_stopped() -> None:
    bench = Bench()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.speak("One ", 300)
    bench.replies.interrupt("turn_detected", 99.0)
    bench.speak("two.", 300)
    bench.pass_time(200)
    assert not bench.caller.played_out
    bench.now += GONE_AFTER_S
    bench.replies.tick(bench.now)
    assert bench.caller.told(ResponseDone)[0].status == "cancelled"
    assert bench.replies.active is None
    assert bench.conversation.snapshot() == ()
    assert bench.caller.told(ItemDone)[0].item.status == "incomplete"


def test_a_deleted_item_stays_deleted() -> None:
    bench = Bench()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.speak("One ", 300)
    bench.conversation.delete("item_1")
    bench.speak("two.", 300)
    bench.replies.happened(ResponseDone("resp_1"))
    assert len(bench.caller.told(ItemAdded)) == 1
    assert "item_1" not in bench.conversation


def test_a_reply_of_which_nothing_came_is_handed_back_to_be_asked_for_again() -> None:
    bench = Bench()
    assert bench.replies.broken() is None
    asked = Reply("resp_1", SETTINGS)
    bench.replies.ask(asked)
    assert bench.replies.broken() is asked
    assert not asked.done
    assert bench.replies.active is None
    assert not bench.caller.told(ResponseDone)


def test_a_reply_that_its_provider_leaves_ends_as_far_as_it_sounds_and_plays_on() -> None:
    bench = Bench()
    reply = Reply("resp_1", SETTINGS)
    bench.replies.ask(reply)
    bench.speak("One two three.", 900)
    bench.replies.happened(TextDelta("resp_1", "item_1", " Four five six seven."))
    assert bench.replies.broken() is reply
    assert reply.left == ("item_1", "One two three.")
    assert [(done.status, done.error_code) for done in bench.caller.told(ResponseDone)] == [
        ("incomplete", "provider_failed")
    ]
    assert bench.caller.told(ItemDone)[0].item.status == "incomplete"
    bench.pass_time(1200)
    assert bench.caller.told(OutputStopped)
    assert len(bench.caller.played_out) == 900 * 32


def test_one_that_the_bridge_began_by_itself_is_told_and_ended_like_any_other() -> None:
    bench = Bench()
    bench.replies.adopt(Reply("resp_1", SETTINGS))
    assert bench.turned == [ReplyMade()]
    assert not bench.commands()
    bench.speak("Hello.", 200)
    bench.replies.happened(ResponseDone("resp_1"))
    assert [type(one) for one in (*bench.caller.told(ResponseCreated), *bench.caller.told(ResponseDone))] == [
        ResponseCreated,
        ResponseDone,
    ]


def test_one_that_is_refused_failed() -> None:
    bench = Bench()
    bench.replies.refused("x", "nothing is being made")
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.replies.refused("invalid_value", "no such voice")
    (done,) = bench.caller.told(ResponseDone)
    assert (done.status, done.error_code, done.error_message) == ("failed", "invalid_value", "no such voice")
    assert bench.caller.told(ResponseCreated)


def test_after_another_bridge_has_joined_that_one_is_asked_and_told() -> None:
    bench, way, cut = Bench(), Way(), list[tuple[str, int]]()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.speak("One two three four five.", 1500)
    bench.replies.happened(ResponseDone("resp_1"))
    bench.pass_time(620)
    outbox, turned = Outbox(way), list[Happening]()
    outbox.open()
    bench.replies.rejoin(outbox, turned.append, lambda item_id, ms: cut.append((item_id, ms)))
    bench.replies.interrupt("turn_detected", 99.0)
    assert cut == [("item_1", 620)]
    bench.replies.ask(Reply("resp_2", SETTINGS))
    assert [type(one).__name__ for one in way.came] == ["Respond"]
    assert turned == [ReplyMade()]


def test_a_second_interruption_cuts_nothing_again() -> None:
    bench = Bench()
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.speak("One two three four five.", 1500)
    bench.pass_time(620)
    for _ in range(2):
        bench.replies.interrupt("turn_detected", 99.0)
    assert len(bench.caller.told(OutputCleared)) == len(bench.caller.told(Interrupted)) == 1


def test_packets_are_played_as_packets_and_stand_in_the_book() -> None:
    bench = Bench()
    played: list[tuple[str, object]] = []
    bench.caller.play_packets = lambda item_id, packets: played.append((item_id, packets))  # type: ignore[attr-defined]
    bench.replies.ask(Reply("resp_1", SETTINGS))
    bench.replies.happened(TextDelta("resp_1", "item_1", "Hello."))
    voice, pause = b"\x48\x80" + bytes(40), b"\x48\x00" + bytes(40)
    bench.replies.happened(AudioDelta("resp_1", "item_1", b"", packets=(voice, pause)))
    assert played == [("item_1", [Packet(voice, SPEECH_DB), Packet(pause, PAUSE_DB)])]
    assert bench.replies.sound_ms("item_1") == 40
    bench.replies.started(PlayoutStarted("item_1", 100.0))
    assert bench.replies.level() == SPEECH_DB
