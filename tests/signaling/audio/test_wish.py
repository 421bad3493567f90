from __future__ import annotations

import json
from typing import Any

import pytest

from mediaserver.errors import BadRequest
from mediaserver.speech import Manner
from signaling.audio.wish import Wish, read_wish, wish_of

FULL = {
    "input": "Hi.", "model": "m", "voice": {"id": "v"}, "response_format": "opus", "speed": 0.5, "instructions": "softly",
    "stream_format": "sse", "language": "de", "settings": {"stability": 0.4},
}  # fmt: skip


def test_all_of_it() -> None:
    wish = read_wish(json.dumps(FULL).encode(), 4096)
    assert (wish.voice_name, wish.response_format, wish.speed) == ("v", "opus", 0.5)
    assert wish.manner("before") == Manner("softly", "de", "before", {"stability": 0.4})


def test_the_least() -> None:
    assert read_wish(b'{"input": "Hi."}', 3) == Wish("Hi.") and Wish("x", voice="ann").voice_name == "ann"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        (b"", None, "invalid_json"),
        (b"{", None, "invalid_json"),
        (b"\xff", None, "invalid_json"),
        (b'{"settings":' * 50_000, None, "invalid_json"),
        (b"[]", None, "invalid_type"),
        (b"{}", "input", "missing_required_parameter"),
        ({"input": " \n"}, "input", "empty_string"),
        ({"input": "x" * 11}, "input", "string_too_long"),
        ({"input": 1}, "input", "invalid_type"),
        ({"voice": {"name": "v"}}, "voice.name", "unknown_parameter"),
        ({"response_format": "doc"}, "response_format", "invalid_value"),
        ({"speed": 4.1}, "speed", "invalid_value"),
        ({"stream_format": "ws"}, "stream_format", "invalid_value"),
        ({"voices": "v"}, "voices", "unknown_parameter"),
    ],
)
def test_what_cannot_be_is_refused(body: Any, param: str | None, code: str) -> None:
    text = body if isinstance(body, bytes) else json.dumps({"input": "Hi."} | body).encode()
    with pytest.raises(BadRequest) as refused:
        read_wish(text, 10)
    assert (refused.value.param, refused.value.code) == (param, code)


@pytest.mark.parametrize(
    ("body", "param"), [({"input": ""}, "input"), ({"input": "x", "speed": 9}, "speed"), ({}, "input")]
)
def test_a_part_of_a_larger_body_says_where(body: Any, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wish_of(body, 10, "requests[3].body")
    assert refused.value.param == f"requests[3].body.{param}"
