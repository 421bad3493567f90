from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from mediaserver.audio.logmel import log_mel
from mediaserver.audio.smartturn import SmartTurn, find_end_model
from mediaserver.config import Turns
from mediaserver.errors import ConfigError
from tests import clips
from tests.audio.test_prosody import voiced_part
from tests.audio.tiny_onnx import needs_runtime, smart_turn
from tests.fakes.caller import tone


@pytest.fixture
def tiny(tmp_path: Path) -> SmartTurn:
    """A model that answers with the sigmoid of the mean of its picture."""
    needs_runtime()
    path = tmp_path / "tiny.onnx"
    path.write_bytes(smart_turn())
    found = find_end_model(Turns(end_model=str(path)))
    assert found is not None
    return found


def expected(samples: np.ndarray) -> float:
    return float(1 / (1 + np.exp(-log_mel(samples).mean())))


def test_without_a_file_nobody_is_asked() -> None:
    assert find_end_model(Turns()) is None


def test_a_short_turn_is_shown_at_the_end_of_eight_seconds(tiny: SmartTurn) -> None:
    sound = np.frombuffer(tone(3000), "<i2")
    assert tiny(sound.tobytes()) == pytest.approx(expected(np.concatenate([np.zeros(80000, np.int16), sound])))


def test_of_a_long_turn_the_last_eight_seconds_are_shown(tiny: SmartTurn) -> None:
    sound = np.frombuffer(tone(4000) + bytes(64000) + tone(6000, hz=800), "<i2")
    assert tiny(sound.tobytes()) == pytest.approx(expected(sound[-128000:]))


@pytest.mark.parametrize(
    "wrong", [smart_turn(name="sound"), smart_turn(shape=(80, 3000)), smart_turn(shape=("bands", 800, 1))]
)
def test_another_model_is_refused(wrong: bytes, tmp_path: Path) -> None:
    needs_runtime()
    path = tmp_path / "wrong.onnx"
    path.write_bytes(wrong)
    with pytest.raises(ConfigError, match="is no Smart Turn model of version 3") as refused:
        SmartTurn(path)
    assert refused.value.path == "turns.end_model"


def test_a_missing_runtime_is_named_before_the_server_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"turns\.end_model: .*pip install 'mediaserver\[smart-turn\]'"):
        find_end_model(Turns(end_model="/nowhere.onnx"))


def test_a_file_may_leave_sizes_open(tmp_path: Path) -> None:
    needs_runtime()
    path = tmp_path / "open.onnx"
    path.write_bytes(smart_turn(shape=("bands", "columns")))
    assert 0 < SmartTurn(path)(tone(1000)) < 1


@pytest.fixture
def real() -> SmartTurn:
    """The published one, whose path is in ``SMART_TURN_MODEL``."""
    if "SMART_TURN_MODEL" not in os.environ:
        pytest.skip("SMART_TURN_MODEL names no file")
    return SmartTurn(Path(os.environ["SMART_TURN_MODEL"]))


def test_the_published_model_tells_a_sentence_from_a_part_of_one(real: SmartTurn) -> None:
    whole, other = clips.clip("something"), clips.clip("librivox_0880")
    if not whole.human:
        pytest.skip("a synthesised voice sounds finished wherever it stops")
    part = voiced_part(other.pcm)
    assert real(voiced_part(whole.pcm) + bytes(6400)) > 0.8
    assert real(part[: len(part) * 7 // 20 * 2] + bytes(6400)) < 0.2
