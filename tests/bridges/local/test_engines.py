from collections.abc import Callable
from typing import Any

import pytest

from bridges.local.engine import EngineMissing
from bridges.local.engines import PIECE, SYNTHESISERS, Voice, first_installed


class Tone:
    """Makes one second of sound after half a second of silence; stops when told to."""

    voices: tuple[str, ...] = ("en-US", "de-DE")

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, float]] = []
        self.stopped = False

    def speak(self, text: str, voice: str, speed: float, keep: Callable[[bytes], bool]) -> None:
        self.asked.append((text, voice, speed))
        for sound in (bytes(16000), b"\0\x20" * 16000):
            self.stopped = self.stopped or not keep(sound)


def speak(tone: Tone, *, voice: str = "", speed: float = 1.0, text: str = "5 %", wanted: int = 99) -> list[bytes]:
    pieces: list[bytes] = []

    def take(piece: Any) -> bool:
        pieces.append(piece)
        return len(pieces) < wanted

    engine = Voice("tone", tone)
    engine.begin({"text": text, "voice": voice, "speed": speed})
    engine.end(take)
    return pieces


def test_sound_comes_trimmed_and_in_small_pieces() -> None:
    pieces = speak(Tone())
    assert max(map(len, pieces)) <= PIECE
    assert sum(map(len, pieces)) == 32000 + 1600


def test_text_is_made_speakable_and_an_unknown_voice_is_the_default() -> None:
    tone = Tone()
    speak(tone, voice="nobody", speed=9.0)
    speak(tone, voice="de-DE", speed=0.1)
    assert tone.asked == [("5 percent", "en-US", 2.0), ("5 %", "de-DE", 0.5)]


def test_nothing_to_say_makes_no_sound() -> None:
    assert speak(Tone(), text="...") == []


def test_stops_when_nobody_listens() -> None:
    tone = Tone()
    assert len(speak(tone, wanted=2)) <= 3
    assert tone.stopped


@pytest.mark.engines
@pytest.mark.parametrize("name", list(SYNTHESISERS))
def test_each_installed_engine_speaks(name: str) -> None:
    try:
        engine = first_installed([name])
    except EngineMissing as missing:
        pytest.skip(str(missing))
    lengths = []
    for speed in (1.0, 2.0):
        pieces: list[bytes] = []
        engine.begin({"text": "Good morning to all of you.", "voice": "en-US", "speed": speed})
        engine.end(lambda piece, pieces=pieces: pieces.append(piece) or True)  # type: ignore[misc]
        lengths.append(sum(map(len, pieces)) / 32000)
    assert 1.0 < lengths[0] < 4.0
    assert lengths[1] < lengths[0] * 0.8


def test_says_what_to_install() -> None:
    with pytest.raises(EngineMissing, match="pip install ttspico"):
        first_installed(["nonesuch"])
