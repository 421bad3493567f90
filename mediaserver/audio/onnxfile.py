"""Networks that the operator supplies as ONNX files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mediaserver.errors import ConfigError


def load(path: Path, key: str, *, wanted_by: str, extra: str) -> Any:
    """Return an onnxruntime session that computes in the thread that asks it, and in no other.

    ``key`` is the configuration's path of the file, ``wanted_by`` that of what needs the runtime, ``extra`` what installs
    it. Raises ConfigError.
    """
    os.environ.setdefault(
        "ORT_DISABLE_TELEMETRY", "1"
    )  # since 1.32 it reports to its maker over HTTPS (its Privacy.md)
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(wanted_by, f"needs onnxruntime: pip install 'mediaserver[{extra}]'") from None
    if not path.is_file():
        raise ConfigError(key, f"there is no file {path}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # onnxruntime has no common class for them
        raise ConfigError(key, f"{path} is no ONNX model ({type(problem).__name__})") from None
