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
