from collections.abc import Callable
from typing import Any

import pytest

from mediaserver.errors import BadRequest
from signaling.audio.form import Fields


@pytest.mark.parametrize(
    "pairs",
    [
        [("keywords", "a"), ("keywords", "b")],
        [("keywords[]", "a"), ("keywords[]", "b")],
        [("keywords[0]", "a"), ("keywords[1]", "b")],
        [("keywords", '["a", "b"]')],
        [("keywords", "a"), ("model", "x"), ("keywords[]", "b")],
    ],
)
def test_a_list_is_understood_however_it_is_written(pairs: list[tuple[str, str]]) -> None:
    assert Fields(pairs).many("keywords", 2) == ("a", "b")


@pytest.mark.parametrize(
    "pairs",
    [
        [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.5")],
        [("chunking_strategy", '{"type": "server_vad", "threshold": "0.5"}')],
    ],
)
def test_an_object_is_understood_however_it_is_written(pairs: list[tuple[str, str]]) -> None:
    assert Fields(pairs).thing("chunking_strategy") == {"type": "server_vad", "threshold": "0.5"}


def test_an_object_may_be_a_word() -> None:
    assert Fields([("chunking_strategy", "auto")]).thing("chunking_strategy") == "auto"
    assert Fields([("chunking_strategy", '"auto"')]).thing("chunking_strategy") == "auto"
    assert Fields([]).thing("chunking_strategy") is None


def test_plain_values() -> None:
    fields = Fields([("model", "local"), ("temperature", " 0.2 "), ("stream", "True"), ("empty", "")])
    assert fields.text("model") == "local" and fields.text("none", "x") == "x"
    assert fields.number("temperature", 0, 1) == 0.2 and fields.number("empty", 0, 1) is None
    assert fields.truth("stream") is True and fields.truth("none") is False
    assert fields.names() == ["model", "temperature", "stream", "empty"]


@pytest.mark.parametrize(
    ("pairs", "read"),
    [
        ([("x", "1"), ("x", "2")], lambda fields: fields.text("x")),
        ([("x", "nan")], lambda fields: fields.number("x", 0, 1)),
        ([("x", "1e99")], lambda fields: fields.number("x", 0, 1)),
        ([("x", "one")], lambda fields: fields.number("x", 0, 1)),
        ([("x", "maybe")], lambda fields: fields.truth("x")),
        ([("x", "[1]")], lambda fields: fields.many("x", 5)),
        ([("x", "[")], lambda fields: fields.many("x", 5)),
        ([("x", "[" * 100_000)], lambda fields: fields.many("x", 5)),
        ([("x[]", "a")] * 3, lambda fields: fields.many("x", 2)),
        ([("x", "{")], lambda fields: fields.thing("x")),
    ],
)
def test_what_cannot_be_is_refused_by_name(pairs: list[tuple[str, str]], read: Callable[[Fields], Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        read(Fields(pairs))
    assert refused.value.param == "x"
