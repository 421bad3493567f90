"""Whisper's engine over a stand-in for the package, and the real package where it is installed."""

import inspect
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bridges.local.engine import EngineMissing
from tests.bridges.local import standins

MODULES = "faster_whisper", "bridges.local.whisper"
TOLD = {"device": "cpu", "compute_type": "int8", "beam": 1, "threads": 1}
SECOND = b"\x00\x10" * 16000


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    standins.use(monkeypatch, *MODULES)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "config.json").write_text('["en", "de"]')
    return tmp_path


def engine(model: Path | str, **told: Any) -> Any:
    return import_module("bridges.local.whisper").Whisper({**TOLD, "model": str(model), **told})


def write(whisper: Any, pcm: bytes, **told: Any) -> dict[str, Any]:
    whisper.begin(told)
    assert [whisper.feed(pcm[at : at + 32000]) for at in range(0, len(pcm), 32000)] == [None] * (len(pcm) // 32000)
    result: dict[str, Any] = whisper.end(lambda _: True)
    return result


def test_writes_down_what_it_was_given_with_times(model: Path) -> None:
    result = write(engine(model), SECOND * 2, words=True, language="de")
    assert result == {
        "text": "second 0. second 1.",
        "language": "de",
        "segments": [("second 0.", 0.0, 1.0), ("second 1.", 1.0, 2.0)],
        "words": [("second", 0.0, 0.5, 1.0), ("second", 1.0, 1.5, 1.0)],
    }
    json.dumps(result)  # nothing of numpy's goes to the server


def test_asks_for_what_it_is_told_and_leaves_the_rest_to_the_library(model: Path) -> None:
    whisper = engine(model, beam=3)
    write(whisper, SECOND)
    plain = json.loads((model / "asked.json").read_text())
    assert (plain["language"], plain["task"], plain["beam_size"]) == (None, "transcribe", 3)
    assert (plain["initial_prompt"], plain["hotwords"], plain["word_timestamps"]) == (None, None, False)
    assert len(plain["temperature"]) == 6
    write(whisper, SECOND, translate=True, prompt="Neme", keywords=["Adlon", "Zoo"], temperature=0.0)
    asked = json.loads((model / "asked.json").read_text())
    assert (asked["task"], asked["initial_prompt"], asked["hotwords"]) == ("translate", "Neme", "Adlon, Zoo")
    assert asked["temperature"] == 0.0


def test_stops_between_two_segments_when_nobody_wants_more_and_forgets_all(model: Path) -> None:
    whisper = engine(model)
    whisper.begin({})
    whisper.feed(SECOND * 5)
    asked: list[str] = []
    assert whisper.end(lambda text: bool(asked.append(text)))["text"] == "second 0."
    assert asked == [" second 0."]
    assert write(whisper, b"")["text"] == ""


def test_a_model_that_cannot_be_loaded_says_why(model: Path) -> None:
    with pytest.raises(EngineMissing, match="float16"):
        engine(model, compute_type="float16")


def test_the_real_package_takes_what_it_is_asked_and_refuses_what_is_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faster_whisper")
    standins.forget(monkeypatch, *MODULES)
    real = import_module("faster_whisper").WhisperModel
    pretended = import_module("tests.bridges.local.standins.faster_whisper").WhisperModel
    for method in ("__init__", "transcribe"):
        asked, known = (inspect.signature(getattr(kind, method)).parameters for kind in (pretended, real))
        assert set(asked) <= set(known)
    (tmp_path / "model.bin").write_bytes(b"cut off")
    with pytest.raises(EngineMissing, match="cannot be loaded"):
        engine(tmp_path)
