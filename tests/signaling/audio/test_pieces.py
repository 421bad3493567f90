from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from mediaserver.audio.files import Decoded, kind_of
from mediaserver.audio.presets import BALANCED
from mediaserver.errors import BridgeError
from mediaserver.speech import FileLimits
from signaling.audio.pieces import Piece, longest, plan, taken
from tests.signaling.audio.stage import hum

RATE = 16000


def sound(*seconds: float, kind: str = "wav") -> Decoded:
    """Return hums with a second of silence between them."""
    pause = np.zeros(RATE, np.int16)
    parts = [part for length in seconds for part in (np.frombuffer(hum(length, RATE), "<i2"), pause)]
    pcm = np.concatenate(parts[:-1])
    return Decoded(kind, len(pcm) / RATE, RATE, pcm)


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        (FileLimits(max_bytes=100), 101),
        (FileLimits(max_seconds=2.0), 100),
        (FileLimits(kinds=("flac",)), 100),
    ],
)
def test_only_what_fits_goes_as_it_is(limits: FileLimits, size: int) -> None:
    heard = sound(1.0, 1.0)
    assert plan(heard, 100, FileLimits()) == [Piece(0, len(heard.pcm), whole=True)]
    pieces = plan(heard, size, limits)
    assert not any(piece.whole for piece in pieces)
    assert [pieces[0].start, *(piece.end for piece in pieces)] == [*(piece.start for piece in pieces), len(heard.pcm)]


def test_what_was_changed_does_not_go_as_it_came_and_pieces_are_as_long_as_is_wanted() -> None:
    heard = sound(*[3.0] * 4)
    assert not any(piece.whole for piece in plan(heard, None, FileLimits()))
    assert len(plan(heard, None, FileLimits(), piece_s=5.0)) > len(plan(heard, None, FileLimits()))


def test_pieces_are_cut_in_pauses() -> None:
    pieces = plan(sound(3.0, 3.0), 10**9, FileLimits(max_seconds=4.0))
    assert [round(piece.end / RATE, 1) for piece in pieces] == [3.5, 7.0]


def test_segments_by_pauses_are_short() -> None:
    pieces = plan(sound(*[3.0] * 6), 100, FileLimits(), by_pauses=True)
    assert len(pieces) > 2 and all(piece.end - piece.start <= 10 * RATE for piece in pieces)


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (FileLimits(), BALANCED.piece_s),
        (FileLimits(max_seconds=60.0), 60.0),
        (FileLimits(120_000, kinds=("mp3", "ogg")), 9.5),
    ],
)
def test_the_longest_piece_fits(limits: FileLimits, seconds: float) -> None:
    assert longest(limits) == pytest.approx(seconds)


@pytest.mark.parametrize("kind", ["ogg", "flac", "wav"])
async def test_a_piece_is_written_as_the_engine_takes_it(kind: str, tmp_path: Path) -> None:
    heard = sound(2.0)
    limits = FileLimits(kinds=(kind,))
    given = await taken(heard, Piece(0, RATE), tmp_path / "x", limits)
    assert given is not None and (given.kind, given.duration) == (kind, 1.0)
    assert kind_of(given.data) == kind and len(given.data) < 1.1 * 34_000
    with av.open(io.BytesIO(given.data)) as file:
        assert file.duration is not None and file.duration / av.time_base == pytest.approx(1.0, abs=0.02)


async def test_the_whole_file_is_not_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"as it came")
    heard = sound(1.0)
    given = await taken(heard, Piece(0, len(heard.pcm), whole=True), path, FileLimits())
    assert given is not None and given.data == b"as it came"


async def test_silence_is_not_sent(tmp_path: Path) -> None:
    silence = Decoded("wav", 1.0, RATE, np.zeros(RATE, np.int16))
    assert await taken(silence, Piece(0, RATE), tmp_path / "x", FileLimits()) is None


def test_an_engine_that_takes_nothing_we_write() -> None:
    with pytest.raises(BridgeError):
        longest(FileLimits(kinds=("m4a", "mp3")))
