from __future__ import annotations

from mediaserver.audio.packets import ready
from mediaserver.commands import CommitInput, UpdateSession
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.through import Through
from mediaserver.events import AudioDelta, AudioDone, DigitPressed, PlayoutStarted, SessionUpdated, TextDelta
from mediaserver.settings import Settings
from tests.conversation.test_outbox import Way
from tests.fakes.caller import FakeCaller


def test_sound_commands_and_events_pass() -> None:
    way, caller = Way(), FakeCaller(lambda: 0.0)
    outbox = Outbox(way)
    outbox.open()
    through = Through(caller, Settings("model"), outbox)
    assert through.hear(b"12", 0.0) is None
    through.ask(CommitInput())
    assert way.came == [b"12", CommitInput()]
    delta, done = AudioDelta("resp_1", "item_1", b"34"), AudioDone("resp_1", "item_1")
    for event in (delta, TextDelta("resp_1", "item_1", "hello"), done):
        through.happened(event)
    through.noted(PlayoutStarted("item_1", 0.0))
    through.noted(DigitPressed("1", 100))
    assert caller.names() == ["TextDelta", "AudioDone", "DigitPressed"]
    assert caller._sound == {"item_1": bytearray(b"34")}
    assert caller._complete == {"item_1"}


def test_the_model_stays_what_it_is() -> None:
    way, caller = Way(), FakeCaller(lambda: 0.0)
    outbox = Outbox(way)
    outbox.open()
    through = Through(caller, Settings("model"), outbox)
    through.ask(UpdateSession(settings=Settings("other", voice="alloy")))
    assert through.settings == Settings("model", voice="alloy")
    assert caller.told(SessionUpdated) == [SessionUpdated(through.settings)]
    assert way.came == [UpdateSession(settings=through.settings)]


def test_packets_pass_as_packets() -> None:
    caller, played = FakeCaller(lambda: 0.0), []
    caller.play_packets = lambda item_id, packets: played.append((item_id, packets))  # type: ignore[attr-defined]
    Through(caller, Settings("model"), Outbox(Way())).happened(AudioDelta("r", "i", b"", packets=(b"\x78",)))
    assert played == [("i", [ready(b"\x78")])]
