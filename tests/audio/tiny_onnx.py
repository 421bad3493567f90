"""The smallest ONNX file that looks like Smart Turn from outside: written byte by byte, as no test should need ``onnx``.

Its answer is the sigmoid of the mean of what it is shown. Field numbers are those of ``onnx.proto``, version 8 of the IR.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import pytest

Field = tuple[int, "int | str | bytes"]

FLOAT, INT, INTS = 1, 2, 7


def needs_runtime() -> None:
    """Skip where onnxruntime is not installed; it is not imported here, as :func:`load` has something to say before that."""
    if find_spec("onnxruntime") is None:
        pytest.skip("onnxruntime is not installed")


def smart_turn(name: str = "input_features", shape: Sequence[int | str] = (80, 800)) -> bytes:
    """Return the file. Another ``name`` or ``shape`` of the input makes a model that is none; a word leaves a size open."""
    graph = _message(
        (1, _node("ReduceMean", name, "columns", axes=[1], keepdims=0)),
        (1, _node("ReduceMean", "columns", "mean", axes=[1], keepdims=1)),
        (1, _node("Sigmoid", "mean", "logits")),
        (2, "tiny"),
        (11, _value(name, shape)),
        (12, _value("logits", (1,))),
    )
    return _message((1, 8), (7, graph), (8, _message((1, ""), (2, 13))))


def _node(kind: str, takes: str, gives: str, axes: Sequence[int] = (), keepdims: int | None = None) -> bytes:
    attributes: list[Field] = []
    if keepdims is not None:
        over = [(8, axis) for axis in axes]
        attributes = [
            (5, _message((1, "axes"), *over, (20, INTS))),
            (5, _message((1, "keepdims"), (3, keepdims), (20, INT))),
        ]
    return _message((1, takes), (2, gives), (4, kind), *attributes)


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    sizes = [(1, _message((2 if isinstance(size, str) else 1, size))) for size in ("batch", *shape)]
    return _message((1, name), (2, _message((1, _message((1, FLOAT), (2, _message(*sizes)))))))


def _message(*fields: Field) -> bytes:
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
