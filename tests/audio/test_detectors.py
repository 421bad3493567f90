from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mediaserver.audio.detectors import detector
from mediaserver.audio.vad import LevelVoice, WebRtcVoice
from mediaserver.config import Turns
from mediaserver.errors import ConfigError
from tests.audio.tiny_onnx import needs_runtime


def test_a_detector_for_each_name() -> None:
    assert isinstance(detector(Turns())(16000, 0.5), WebRtcVoice)
    assert isinstance(detector(Turns(detector="levels"))(8000, 0.5), LevelVoice)


def test_a_missing_package_is_named_before_the_server_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"pip install 'mediaserver\[silero\]'"):
        detector(Turns(detector="silero", silero_model="/nowhere.onnx"))


def test_a_missing_model_is_named_before_the_server_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediaserver.audio.silero.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="pip install --no-deps silero-vad"):
        detector(Turns(detector="silero"))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    needs_runtime()
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"no model")
    with pytest.raises(ConfigError, match="is no ONNX model"):
        detector(Turns(detector="silero", silero_model=str(wrong)))
