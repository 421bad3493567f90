"""Vosk's engine over a stand-in for the package, and what the real package says where it is installed."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bridges.local.engine import EngineMissing
from bridges.local.recogniser import open_vosk
from bridges.stt.local_options import Vosk
from mediaserver.audio.wav import whole_wav
from mediaserver.errors import BridgeError, ConfigError, Unsupported
from mediaserver.speech import Partial, SoundFile, SpokenWord
from tests.bridges.local import standins
from tests.bridges.stt.engines import say, tone, write_down

MODULES = "vosk", "bridges.local.vosk"
HALF = tone(0.5)
PAUSE = bytes(25600)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    standins.use(monkeypatch, *MODULES)
    for name in ("am/final.mdl", "conf/mfcc.conf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"stand-in")
    return str(tmp_path)


def engine(model: str) -> Any:
    return import_module("bridges.local.vosk").Vosk({"model": model})


def decode(vosk: Any, pcm: bytes, **told: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    vosk.begin(told)
    partials = [vosk.feed(pcm[at : at + 640]) for at in range(0, len(pcm), 640)]
    return [each for each in partials if each], vosk.end(lambda _: True)


def test_hears_words_while_they_are_spoken_and_keeps_sentences_that_ended(model: str) -> None:
    partials, result = decode(engine(model), HALF + HALF + PAUSE + HALF)
    assert [each["text"] for each in partials] == ["one", "one two"]
    assert result == {"text": "one two", "words": []}


def test_tells_times_and_confidence_and_leaves_out_what_is_no_word(model: str) -> None:
    _, result = decode(engine(model), HALF + PAUSE + HALF * 3, words=True)
    assert result["text"] == "one two three"
    assert result["words"] == [("one", 0.0, 0.5, 1.0), ("two", 1.3, 1.8, 1.0), ("three", 2.3, 2.8, 1.0)]


def test_a_turn_knows_nothing_of_the_one_before(model: str) -> None:
    vosk = engine(model)
    vosk.begin({})
    vosk.feed(HALF)
    vosk.drop()
    assert decode(vosk, HALF, words=True)[1] == {"text": "one", "words": [("one", 0.0, 0.5, 1.0)]}
    assert decode(vosk, b"")[1] == {"text": "", "words": []}


async def test_turns_and_files_go_through_a_worker(model: str) -> None:
    async with open_vosk(Vosk(model=model, language="en-GB")) as stt:
        partials: list[Partial] = []
        transcript = await say(stt, HALF + HALF, partials)
        _, written = await write_down(stt, SoundFile(whole_wav(HALF, 16000), "wav", 0.5), words=True, language="en")
        with pytest.raises(Unsupported, match="'en'"):
            await write_down(stt, SoundFile(whole_wav(HALF, 16000), "wav", 0.5), language="ko")
    assert (transcript.text, transcript.language) == ("one two", "en")
    assert [each.text for each in partials] == ["one", "one two"]
    assert written.words == (SpokenWord("one", 0.0, 0.5, confidence=1.0),)
    assert (written.text, written.language, written.duration) == ("one", "en", 0.5)


async def test_what_cannot_be_is_refused_at_the_start(model: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="model"):
        async with open_vosk(Vosk(model=str(tmp_path / "none"), language="en")):
            pass
    (tmp_path / "am/final.mdl").write_bytes(b"cut off")
    async with open_vosk(Vosk(model=model, language="en")) as stt:
        with pytest.raises(BridgeError, match="cannot be loaded") as refused:
            await stt.warm()
    assert refused.value.code == "engine_missing"


def test_the_real_package_has_the_names_and_refuses_a_directory_without_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("vosk")
    standins.forget(monkeypatch, *MODULES)
    real = import_module("vosk")
    pretended = import_module("tests.bridges.local.standins.vosk")
    for name in ("Model", "KaldiRecognizer"):
        assert public(getattr(pretended, name)) <= public(getattr(real, name))
    assert "model_path" in inspect.signature(real.Model).parameters
    with pytest.raises(EngineMissing, match="cannot be loaded"):
        engine(str(tmp_path))


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}
