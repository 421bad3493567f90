from __future__ import annotations

import json
from pathlib import Path

import pytest

from mediaserver.errors import BadRequest
from signaling.audio.batch.book import SPEECH, TRANSCRIPTIONS, TRANSLATIONS, Spec
from signaling.audio.batch.items import do
from tests.signaling.audio.stage import HUM, stage


def spec(endpoint: str, *fields: tuple[str, str]) -> Spec:
    return Spec("batch_1", "ann", endpoint, 0, 1, ("a",), None, fields)


async def test_a_text_becomes_a_file_of_sound(tmp_path: Path) -> None:
    given, out = tmp_path / "in", tmp_path / "out"
    given.write_text(json.dumps({"input": "one two", "voice": "bob", "response_format": "pcm"}))
    async with stage() as here:
        assert await do(here.studio, spec(SPEECH), given, out) == "audio/pcm"
        assert here.mouth.said[0][1] == "bob" and out.stat().st_size == 2 * 2400 * 2
        given.write_text(json.dumps({"input": "..."}))
        with pytest.raises(BadRequest):
            await do(here.studio, spec(SPEECH), given, out)


@pytest.mark.parametrize(("endpoint", "translate"), [(TRANSCRIPTIONS, False), (TRANSLATIONS, True)])
async def test_a_file_becomes_a_transcript(tmp_path: Path, endpoint: str, translate: bool) -> None:
    given, out = tmp_path / "in", tmp_path / "out"
    given.write_bytes(HUM)
    async with stage() as here:
        kind = await do(here.studio, spec(endpoint, ("response_format", "vtt")), given, out)
        assert kind == "text/vtt" and out.read_text().startswith("WEBVTT")
        assert here.ears.asks[0].translate is translate
