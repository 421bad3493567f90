import json
from typing import Any

import pytest

from mediaserver import events as e
from mediaserver.settings import Settings
from signaling.realtime import extension


def written(event: e.Event) -> dict[str, Any]:
    text = extension.write(event, 12.3456789)
    assert text is not None
    return dict(json.loads(text))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            e.TranscriptPartial("i", "what is", 4),
            {"type": "transcript.partial", "item_id": "i", "text": "what is", "stable": 4},
        ),
        (
            e.Heard("i", 340, "Hello", " there", False),
            {
                "type": "heard",
                "item_id": "i",
                "played_ms": 340,
                "text": "Hello",
                "unheard": " there",
                "estimated": False,
            },
        ),
        (e.ReplyPaused("r"), {"type": "reply.paused", "response_id": "r"}),
        (e.ReplyResumed("r"), {"type": "reply.resumed", "response_id": "r"}),
        (e.SessionEnded("idle", "quiet"), {"type": "ended", "reason": "idle", "detail": "quiet"}),
        (
            e.TurnMeasured("i", "r", (e.Stage("end_of_turn", 1.0, 1.5),)),
            {
                "type": "turn",
                "item_id": "i",
                "response_id": "r",
                "stages": [{"name": "end_of_turn", "start_ms": 1000.0, "end_ms": 1500.0}],
            },
        ),
    ],
)
def test_writes_what_our_page_reads(event: e.Event, message: dict[str, Any]) -> None:
    assert written(event) == message | {"at": 12345.679}


def test_times_of_an_interruption_are_milliseconds_of_the_same_clock() -> None:
    message = written(e.Interrupted("r", "i", 700, "a", "b", True, 10.0, 10.18))
    assert (message["onset_ms"], message["silent_ms"], message["played_ms"]) == (10000.0, 10180.0, 700)


def test_standard_events_are_not_repeated() -> None:
    assert extension.write(e.OutputStarted("r"), 0.0) is None


def test_answers_a_ping_with_its_time() -> None:
    answer = extension.answer('{"type": "ping", "t0": 17.5, "more": 1}', 2.0)
    assert answer is not None
    assert json.loads(answer) == {"type": "pong", "t0": 17.5, "at": 2000.0}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "5",
        '{"type": "pong", "t0": 1}',
        '{"type": "ping"}',
        b"\xff",
        '{"type":"ping","t0":"1"}',
        "[" * 900,
        "x" * 5000,
    ],
)
def test_ignores_everything_else(text: str | bytes) -> None:
    assert extension.answer(text, 0.0) is None


def test_hello() -> None:
    message = json.loads(extension.hello(1.0, "rtc_1", "s", Settings("m", voice="v")))
    assert message["type"] == "hello" and message["version"] == 1 and message["at"] == 1000.0
