import json

import msgspec
import pytest

from mediaserver.errors import BadRequest, TooLarge
from signaling.realtime.parse import MAX_BYTES, parse_object, typed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"text"',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        '{"a": "\\ud800"}',
        '{"a\\uD83D": 1}',
        '{"a": "\ud800"}',
        '{"a":' * 2000 + "1" + "}" * 2000,
        '{"a":' + "[" * 40 + "]" * 40 + "}",
        '{"a":' + "[" * 100_000,
        '{"a": 1' + "0" * 5000 + "}",
        '{"a": 1} {"b": 2}',
        "{'a': 1}",
        '{"a": "\x01"}',
    ],
)
def test_refuses_what_is_no_honest_json(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_object(text)
    assert refused.value.code == "invalid_json"


def test_accepts_a_whole_surrogate_pair_and_moderate_depth() -> None:
    text = '{"a": "\\ud83d\\ude00", "b": ' + "[" * 20 + "]" * 20 + "}"
    assert parse_object(text)["a"] == "\U0001f600"


def test_refuses_more_than_a_megabyte() -> None:
    with pytest.raises(TooLarge):
        parse_object(json.dumps({"a": "x" * MAX_BYTES}))


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    n: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner
    many: list[Inner] = []


@pytest.mark.parametrize(
    ("value", "code", "param"),
    [
        ({}, "missing_required_parameter", "top.inner"),
        ({"inner": {}, "x": 1}, "unknown_parameter", "top.x"),
        ({"inner": {"x": 1}}, "unknown_parameter", "top.inner.x"),
        ({"inner": {"n": "1"}}, "invalid_type", "top.inner.n"),
        ({"inner": {}, "many": [{}, {"n": 1.5}]}, "invalid_type", "top.many[1].n"),
    ],
)
def test_names_the_path_of_what_is_wrong(value: object, code: str, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        typed(value, Outer, "top")
    assert (refused.value.code, refused.value.param) == (code, param)
