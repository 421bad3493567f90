from __future__ import annotations

from dataclasses import replace

from mediaserver.audio.opus import OpusEncoder
from mediaserver.audio.packets import SILENCE, Coded, duration_ms
from mediaserver.bridge import Capabilities
from mediaserver.commands import CommitInput
from mediaserver.conversation.leg import Leg, Place
from mediaserver.conversation.replay import Replay
from mediaserver.events import AudioDelta, AudioDone, SpeechStarted, SpeechStopped
from tests.conversation.test_outbox import Way
from tests.fakes.caller import tone


class Far(Way):
    def __init__(self, input_rate: int, output_rate: int) -> None:
        super().__init__()
        self.capabilities = Capabilities(input_rate=input_rate, output_rate=output_rate, tools=False)


def leg(theirs: tuple[int, int], ours: tuple[int, int] = (16000, 24000)) -> tuple[Leg, Far]:
    far = Far(*theirs)
    one = Leg(3, Place("far", lambda: far), far, *ours)  # type: ignore[arg-type, return-value]
    one.outbox.open()
    return one, far


def test_equal_rates_pass_untouched() -> None:
    one, far = leg((16000, 24000))
    one.outbox.hear(b"12")
    one.outbox.send(CommitInput())
    assert far.came == [b"12", CommitInput()]
    delta = AudioDelta("r", "i", b"34")
    assert one.heard(delta) is delta
    assert one.capabilities == far.capabilities


def test_both_ways_are_resampled_and_what_it_can_do_is_said_at_the_rates_of_the_call() -> None:
    one, far = leg((24000, 8000))
    for _ in range(10):
        one.outbox.hear(tone(20, 16000))
    assert sum(len(pcm) for pcm in far.came if isinstance(pcm, bytes)) == 200 * 24 * 2
    heard = one.heard(AudioDelta("r", "i", tone(100, 8000), "text"))
    assert isinstance(heard, AudioDelta)
    assert (len(heard.pcm), heard.text) == (100 * 24 * 2, "text")
    assert one.heard(AudioDone("r", "i")) == AudioDone("r", "i")
    assert one.capabilities == replace(far.capabilities, input_rate=16000, output_rate=24000)


def test_one_that_was_left_is_given_nothing_more() -> None:
    one, far = leg((16000, 24000))
    one.alive = False
    one.outbox.hear(b"12")
    one.outbox.send(CommitInput())
    assert far.came == []


def test_speech_is_told_on_the_clock_of_the_call() -> None:
    one, _ = leg((16000, 24000))
    one.outbox.start_ms = 5000
    assert one.heard(SpeechStarted("i", 200)) == SpeechStarted("i", 5200)
    assert one.heard(SpeechStopped("i", 900)) == SpeechStopped("i", 5900)


# --- Opus -------------------------------------------------------------------------------------------------------------


def opus_leg() -> tuple[Leg, Far]:
    one, far = leg((16000, 24000))
    far.capabilities = replace(far.capabilities, input_codec="opus", output_codec="opus")
    one = Leg(3, one.place, far, 16000, 24000)  # type: ignore[arg-type]
    one.outbox.open()
    return one, far


def test_a_provider_that_takes_opus_is_given_the_packets_that_came_and_those_of_gaps_are_made() -> None:
    one, far = opus_leg()
    one.outbox.hear(Coded.of(tone(20, 16000), b"as it came"))
    one.outbox.hear(bytes(640))
    one.outbox.hear(tone(20, 16000))
    came, pause, made = far.came
    assert (came, pause) == (b"as it came", SILENCE)
    assert isinstance(made, bytes)
    assert duration_ms(made) == 20


def test_packets_of_20_ms_are_passed_on() -> None:
    one, _ = opus_leg()
    delta = AudioDelta("r", "i", b"", packets=(b"\x78123",))
    assert one.heard(delta) is delta


def test_packets_of_another_length_are_decoded_and_so_are_all_that_follow() -> None:
    one, _ = opus_leg()
    encoder = OpusEncoder(24000)
    for ms in (60, 20):
        event = one.heard(AudioDelta("r", "i", b"", "text", packets=(encoder.encode(tone(ms, 24000)),) * 2))
        assert isinstance(event, AudioDelta)
        assert (len(event.pcm), event.packets, event.text) == (2 * ms * 48, (), "text")


def test_another_provider_is_given_the_sound_of_the_same_frames() -> None:
    """What is said again after a failover was kept with its packets."""
    replay, (one, far) = Replay(), leg((24000, 24000))
    for _ in range(10):
        replay.hear(Coded.of(tone(20, 16000), b"as it came"))
    for frame in replay.take():
        one.outbox.hear(frame)
    assert sum(len(pcm) for pcm in far.came if isinstance(pcm, bytes)) == 200 * 48
