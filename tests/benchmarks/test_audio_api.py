"""The audio API is measured in small amounts, and what is refused is answered as the table says."""

from __future__ import annotations

import pytest

from benchmarks import audio_api
from benchmarks.audio_api import measured
from benchmarks.unwelcome import SDP, Unwelcome, flac, opus, speech, wav
from mediaserver.audio.files import kind_of


def test_the_files_are_of_the_kinds_that_they_are_called() -> None:
    assert [kind_of(data[:4096]) for data in (flac(1), opus(1), wav(1, 3072))] == ["flac", "ogg", "wav"]
    assert len(opus(60)) < 100_000


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore:unread_data:DeprecationWarning")  # aiohttp's own, where the simulator reads a form
async def test_a_little_of_it(monkeypatch) -> None:
    monkeypatch.setattr(audio_api, "FORMATS", ("mp3",))
    monkeypatch.setattr(audio_api, "STAMPEDE", 5)
    monkeypatch.setattr(audio_api, "IDLE_S", 0.1)
    few = [
        Unwelcome("SDP", 400, "unsupported_format", file=lambda: SDP),
        speech("unknown voice", 400, "voice_not_found", voice="nobody"),
        speech("wrong on purpose", 404, "", model="nothing"),
    ]
    lines = {line.tried: line for line in await measured(2, 1, few)}
    right = [name for name in lines if name not in ("the loop meanwhile", "the call meanwhile") and "first" not in name]
    assert [name for name in right if not lines[name].kept] == ["wrong on purpose"], lines
    assert lines["5 equal requests at once"].measured.startswith("1 upstream, 4 shared")
    assert "NOT" not in lines["first byte, mp3, miss"].measured + lines["first byte, mp3, hit"].measured
