"""What the server itself says to a caller: a few fixed sentences, spoken once before anybody needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mediaserver.audio.packets import Packet
from mediaserver.audio.resample import Resampler
from mediaserver.clock import FRAME_MS

MAX_PHRASES = 64
MAX_S = 20


class Phrases:
    """Sound by text, PCM16 mono at ``rate`` Hz, and as packets too. Saying one needs no provider, no disk and no time."""

    def __init__(self, rate: int, sounds: dict[str, bytes] | None = None) -> None:
        self._rate = rate
        self._sounds = dict(sounds or {})
        self._packets: dict[str, tuple[Packet, ...]] = {}
        self._made: dict[tuple[str, int], bytes] = {}

    def from_rate(self, rate: int) -> Callable[[bytes], bytes]:
        """Return what brings whole sentences of another rate to this one's."""

        def convert(pcm: bytes) -> bytes:
            resampler = Resampler(rate, self._rate)
            return resampler.feed(pcm) + resampler.flush()

        return convert

    def add(self, text: str, pcm: bytes, packets: Sequence[Packet] = ()) -> None:
        """Keep a sentence, at most ``MAX_S`` seconds of it; beyond ``MAX_PHRASES`` nothing more is kept."""
        if len(self._sounds) < MAX_PHRASES:
            self._sounds[text] = pcm[: self._rate * 2 * MAX_S]
            self._packets[text] = tuple(packets[: MAX_S * 1000 // FRAME_MS])

    def packets(self, text: str) -> tuple[Packet, ...]:
        """Return a sentence as packets, the same for all calls; none when it was not encoded."""
        return self._packets.get(text, ())

    def pcm(self, text: str, rate: int) -> bytes | None:
        """Return a sentence at this rate, ``None`` when it is not known."""
        sound = self._sounds.get(text)
        if sound is None:
            return None
        key = (text, rate)
        if key not in self._made:
            resampler = Resampler(self._rate, rate)
            self._made[key] = resampler.feed(sound) + resampler.flush()
        return self._made[key]
