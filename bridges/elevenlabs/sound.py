"""The agent's audio formats: what it hears and how it speaks is its own setting, told when the conversation begins."""

from __future__ import annotations

from bridges.codec import Garbled
from mediaserver.audio import g711
from mediaserver.audio.encodings import PCMU, Encoding
from mediaserver.audio.resample import Resampler

FORMATS: dict[str, Encoding] = {
    **{f"pcm_{rate}": Encoding("pcm", rate) for rate in (8000, 16000, 22050, 24000, 44100, 48000)},
    "ulaw_8000": PCMU,
}
"""Names of the agent's formats; PCM is 16 bit little-endian mono."""


class Speaker:
    """The agent's sound in, PCM16 mono at ``rate`` Hz out; each answer begins anew."""

    def __init__(self, encoding: Encoding, rate: int) -> None:
        self._ulaw = encoding.name == "pcmu"
        self._rates = encoding.rate, rate
        self._resampler = Resampler(*self._rates)

    def feed(self, data: bytes) -> bytes:
        """Return what can be heard of it now. Raises Garbled for half a sample."""
        if self._ulaw:
            return self._resampler.feed(g711.decode_ulaw(data))
        if len(data) & 1:
            raise Garbled("sound that ends in the middle of a sample")
        return self._resampler.feed(data)

    def end(self) -> bytes:
        """Return the last milliseconds of an answer."""
        return self._resampler.flush()

    def clear(self) -> None:
        """Forget what is inside: the answer was cut."""
        self._resampler = Resampler(*self._rates)
