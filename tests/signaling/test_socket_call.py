import asyncio
from itertools import pairwise

from mediaserver.audio.encodings import Encoding, Unpacker
from mediaserver.events import PlayoutFinished, PlayoutStarted
from signaling.socket_call import AHEAD_S, SocketCall
from tests.fakes.caller import tone
from tests.fakes.virtual_time import now, run


class Call(SocketCall):
    """One that takes nothing."""

    async def take(self, message: str | bytes) -> None:
        raise NotImplementedError


class Ear:
    def __init__(self) -> None:
        self.frames: list[tuple[bytes, float]] = []
        self.notes: list[PlayoutStarted | PlayoutFinished] = []

    def hear(self, pcm: bytes, at: float) -> None:
        self.frames.append((pcm, at))

    def note(self, event: PlayoutStarted | PlayoutFinished) -> None:
        self.notes.append(event)


def make(rate: int = 16000) -> tuple[Call, Ear]:
    call, ear = Call("rtc_1", None, now), Ear()  # type: ignore[arg-type]
    call.attach(ear, hear_rate=rate, play_rate=rate, live=False)  # type: ignore[arg-type]
    return call, ear


def test_sound_is_heard_in_order_and_others_have_their_turn_meanwhile() -> None:
    async def scenario() -> None:
        call, ear = make()
        turns = 0

        async def other() -> None:
            nonlocal turns
            while len(ear.frames) < 500:
                turns += 1
                await asyncio.sleep(0)

        sound = tone(10_000)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(other())
            await call.hear(Unpacker(Encoding("pcm", 16000), 16000), sound)
        assert b"".join(pcm for pcm, _ in ear.frames) == sound
        assert turns >= 40

    run(scenario())


def test_sound_that_comes_in_lumps_counts_as_come_in_real_time() -> None:
    async def scenario() -> None:
        call, ear = make()
        unpacker, start = Unpacker(Encoding("pcm", 16000), 16000), now()
        for _ in range(3):
            await call.hear(unpacker, tone(500))
            await asyncio.sleep(0.5)
        times = [at - start for _, at in ear.frames]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert max(gaps) < 0.05 and times[0] < 0.05 and 1.4 < times[-1] < 1.6
        await call.hear(unpacker, tone(60_000))
        assert ear.frames[-1][1] - now() <= AHEAD_S

    run(scenario())


def test_the_books_are_kept_once_somebody_listens() -> None:
    async def scenario() -> None:
        call = Call("rtc_1", None, now)  # type: ignore[arg-type]
        call.pause()
        call.resume()
        call.hear_frames([b""])
        assert (call.id, call.clear(), call.played("a")) == ("rtc_1", (), 0)
        call, ear = make()
        assert call.speaker is not None
        call.speaker.add("a", bytes(32000))
        call.pause()
        await asyncio.sleep(1)
        call.resume()
        await asyncio.sleep(0.5)
        assert call.played("a") == 500
        assert call.clear()[0].played_ms == 500
        assert len(ear.notes) == 1

    run(scenario())
