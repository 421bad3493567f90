from mediaserver.audio.packets import Packet
from mediaserver.audio.playout import Playout
from mediaserver.audio.speaker import Speaker

RATE = 8000
FRAME = b"\1\1" * (RATE // 50)


class Handset(Speaker):
    def __init__(self) -> None:
        self.queue = Playout(RATE, lambda _event: None)

    def playout(self) -> Playout:
        return self.queue


def test_what_the_session_asks_is_done_in_the_playout() -> None:
    speaker = Handset()
    speaker.play("item_1", FRAME * 10)
    assert speaker.queue.pull(0.0)
    speaker.pause()
    for step in range(1, 5):
        faded = speaker.queue.pull(step / 50)
    assert not faded
    speaker.resume()
    assert speaker.queue.pull(0.1)
    speaker.finish("item_1")
    heard = speaker.played("item_1")
    assert heard > 0
    assert [(one.item_id, one.played_ms) for one in speaker.clear()] == [("item_1", heard)]
    assert speaker.queue.pull(0.2)  # the fade
    assert not speaker.queue.pull(0.22)


def test_packets_are_queued_like_sound_and_whoever_keeps_step_is_told() -> None:
    class Live(Handset):
        told = 0

        def queued(self) -> None:
            self.told += 1

    speaker, packet = Live(), Packet(b"\x78", -20.0)
    speaker.play_packets("item_1", [packet])
    speaker.play("item_1", FRAME)
    assert speaker.told == 2
    assert speaker.queue.pull(0.0) == packet
    assert speaker.queue.queued_ms == 20
