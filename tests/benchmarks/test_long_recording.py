"""A minute instead of two hours: the recording is what it says, and its transcript is checked against it."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmarks import long_recording, toned_mp3
from benchmarks.long_recording import backwards, differences, lines, seams, worst, written
from benchmarks.toned_mp3 import FRAME_BYTES, Word, recording
from tests.servers.toned_ears import Heard, listened, transcript

WORDS = (Word("a", 0.0, 0.2), Word("b", 0.3, 0.5), Word("c", 0.6, 0.8))


def test_what_is_wrong_with_a_transcript_is_told() -> None:
    assert not differences(WORDS, WORDS)
    assert differences(WORDS[:2], WORDS) and differences((*WORDS[:2], WORDS[1], WORDS[2]), WORDS)
    moved = (WORDS[0], replace(WORDS[1], end=0.9), WORDS[2])
    assert worst(moved, WORDS, range(3)) == 0.4 and worst(moved, WORDS, (0, 2)) == 0.0
    assert backwards([(0.0, 0.2), (0.1, 0.05), (0.05, 0.3)]) == 2


def test_the_ends_of_a_piece_are_found_by_its_first_words() -> None:
    said = [Word(f"s{place}w0", place, place) for place in range(60)]
    piece = Heard(1, 50.0, tuple((place, 0, 0, 0) for place in range(5, 55)))
    assert seams([piece], said) == [5, 54]
    assert seams([replace(piece, words=piece.words[::-1])], said) == []


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore:unread_data:DeprecationWarning")  # aiohttp's own, where the simulator reads a form
async def test_a_recording_is_written_down_in_pieces(monkeypatch) -> None:
    for name, value in {"TALK_S": 12.0, "HURRIED_S": 10.0, "SILENT_S": 3.0}.items():
        monkeypatch.setattr(toned_mp3, name, value)
    monkeypatch.setattr(long_recording, "IDLE_S", 0.1)
    monkeypatch.setattr(long_recording, "KNOWN", 12)
    sound = recording(50.0)
    assert len(sound.data) % FRAME_BYTES == 0
    heard = listened(SimpleNamespace(file=io.BytesIO(sound.data)))  # type: ignore[arg-type]
    assert transcript(heard)["text"].split() == [word.text for word in sound.words]
    monkeypatch.setattr(long_recording, "MOST_BYTES", 350_000)
    said = [*lines(sound, await written(sound))]
    assert [line.measured for line in said[:4] if not line.kept] == []
