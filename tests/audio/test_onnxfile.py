from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mediaserver.audio.onnxfile import load
from mediaserver.errors import ConfigError
from tests.audio.tiny_onnx import needs_runtime, smart_turn


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        load(path, "turns.file", wanted_by="turns.wish", extra="some-extra")
    return refused.value


def test_without_the_runtime_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert str(refusal(tmp_path)) == "turns.wish: needs onnxruntime: pip install 'mediaserver[some-extra]'"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    needs_runtime()
    assert str(refusal(tmp_path / "nowhere.onnx")).startswith("turns.file: there is no file ")
    assert refusal(tmp_path).path == "turns.file"


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    needs_runtime()
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(smart_turn()[:-20])
    assert "is no ONNX model" in str(refusal(wrong))


OPEN = """
import os, sys
from pathlib import Path
from mediaserver.audio.onnxfile import load
load(Path(sys.argv[1]), "file", wanted_by="wish", extra="extra")
print(*(os.readlink(one.path) for one in os.scandir("/proc/self/fd") if Path(one.path).exists()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_runtime_keeps_no_reports_for_its_maker(tmp_path: Path) -> None:
    needs_runtime()
    model = tmp_path / "tiny.onnx"
    model.write_bytes(smart_turn())
    environ = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", OPEN, str(model)]
    run = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60, env=environ)
    assert "onnxruntime.db" not in run.stdout
