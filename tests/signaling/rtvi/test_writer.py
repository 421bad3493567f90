from __future__ import annotations

from typing import Any

import pytest

from mediaserver import events as happened
from mediaserver.events import Event
from mediaserver.items import Item
from mediaserver.settings import Settings
from signaling.rtvi.writer import MAX_KEPT, Writer

SETTINGS = Settings("local")
REPLY = happened.ResponseCreated("resp_1")


def writer(version: int = 2) -> Writer:
    made = Writer(SETTINGS, wall=lambda: 1_700_000_000.0)
    made.version = version
    return made


def told(to: Writer, *events: Event) -> list[tuple[str, Any]]:
    return [(message["type"], message.get("data")) for event in events for message in to.write(event)]


def test_the_user_speaks() -> None:
    stamp = "2023-11-14T22:13:20.000+00:00"
    assert told(
        writer(),
        happened.SpeechStarted("i", 0),
        happened.TranscriptPartial("i", "go"),
        happened.SpeechStopped("i", 900),
        happened.TranscriptFinal("i", "go forward"),
    ) == [
        ("user-started-speaking", None),
        ("user-transcription", {"text": "go", "final": False, "timestamp": stamp, "user_id": ""}),
        ("user-stopped-speaking", None),
        ("user-transcription", {"text": "go forward", "final": True, "timestamp": stamp, "user_id": ""}),
        ("user-llm-text", {"text": "go forward"}),
    ]


def test_nothing_said_is_no_transcription() -> None:
    assert told(writer(), happened.TranscriptFinal("i", "")) == []


def test_a_spoken_answer_from_its_first_word_to_its_last_sample() -> None:
    said = told(
        writer(),
        REPLY,
        happened.TextDelta("resp_1", "i", "One two. "),
        happened.OutputStarted("resp_1"),
        happened.TextDone("resp_1", "i", "One two. "),
        happened.AudioDone("resp_1", "i"),
        happened.ResponseDone("resp_1"),
        happened.Heard("i", 100, "One", "two."),
        happened.Heard("i", 900, "One two.", ""),
        happened.OutputStopped("resp_1"),
    )
    sentence = {"text": "One two.", "aggregated_by": "sentence", "segment_id": 0, "will_be_spoken": True}

    def output(status: str, accumulated: str, remaining: str) -> tuple[str, Any]:
        left = {"accumulated_text": accumulated, "remaining_text": remaining}
        return ("bot-output", sentence | {"spoken_status": status, "spoken_progress": left})

    assert said == [
        ("bot-llm-started", None),
        ("bot-llm-text", {"text": "One two. "}),
        output("new", "", "One two."),
        ("bot-tts-started", None),
        ("bot-started-speaking", None),
        ("bot-tts-stopped", None),
        ("bot-llm-stopped", None),
        ("bot-tts-text", {"text": "One"}),
        output("in-progress", "One", "two."),
        ("bot-tts-text", {"text": "two."}),
        output("completed", "One two.", ""),
        ("bot-stopped-speaking", None),
    ]


def test_a_voice_that_is_done_before_anything_is_heard() -> None:
    done, started = happened.AudioDone("resp_1", "i"), happened.OutputStarted("resp_1")
    kinds = [kind for kind, _ in told(writer(), done, started, done)]
    assert kinds == ["bot-tts-started", "bot-tts-stopped", "bot-started-speaking"]


def test_a_written_answer_will_not_be_spoken() -> None:
    said = told(writer(), happened.ResponseCreated("resp_1", ("text",)), happened.TextDone("resp_1", "i", "Only text"))
    assert said[-1] == (
        "bot-output",
        {"text": "Only text", "aggregated_by": "sentence", "segment_id": 0, "will_be_spoken": False},
    )


def test_version_one_is_told_each_sentence_twice() -> None:
    said = told(
        writer(1),
        REPLY,
        happened.TextDelta("resp_1", "i", "One two. "),
        happened.Heard("i", 100, "One", "two."),
        happened.Heard("i", 900, "One two.", ""),
    )
    outputs = [data for kind, data in said if kind == "bot-output"]
    assert outputs == [{"text": "One two.", "aggregated_by": "sentence", "spoken": spoken} for spoken in (False, True)]


def test_segments_are_numbered_over_the_items_of_a_call_even_when_they_interleave() -> None:
    to = writer()
    said = told(
        to,
        happened.TextDelta("resp_1", "a", "One. "),
        happened.TextDelta("resp_1", "b", "Two. "),
        happened.TextDelta("resp_1", "a", "Three. "),
    )
    assert [data["segment_id"] for kind, data in said if kind == "bot-output"] == [0, 1, 2]


def test_an_interruption_leaves_what_was_heard() -> None:
    cut = happened.Interrupted("resp_1", "i", 200, "One", "two three", True, 1.0, 1.1)
    said = told(
        writer(),
        REPLY,
        happened.TextDelta("resp_1", "i", "One two"),
        happened.OutputStarted("resp_1"),
        happened.OutputCleared("resp_1"),
        cut,
        happened.TextDone("resp_1", "i", "One two three."),
        happened.ResponseDone("resp_1", "cancelled", "turn_detected"),
    )
    assert [kind for kind, _ in said] == [
        "bot-llm-started",
        "bot-llm-text",
        "bot-tts-started",
        "bot-started-speaking",
        "bot-stopped-speaking",
        "bot-interrupted",
        "bot-output",
        "bot-tts-text",
        "bot-output",
        "bot-llm-stopped",
        "bot-tts-stopped",
    ]
    outputs = [(data["text"], data["spoken_status"]) for kind, data in said if kind == "bot-output"]
    assert outputs == [("One", "new"), ("One", "completed")]


def test_a_function_call_and_its_result() -> None:
    output = Item("o", "function_call_output", call_id="c1", output='{"sky": "blue"}')
    assert told(
        writer(),
        happened.ToolCalled("resp_1", "i", "c1", "get_weather", '{"city": "Oslo"}'),
        happened.ItemAdded(output),
        happened.ItemAdded(output),
    ) == [
        ("llm-function-call-started", {"function_name": "get_weather"}),
        (
            "llm-function-call-in-progress",
            {"function_name": "get_weather", "tool_call_id": "c1", "arguments": {"city": "Oslo"}},
        ),
        (
            "llm-function-call-stopped",
            {"function_name": "get_weather", "tool_call_id": "c1", "cancelled": False, "result": {"sky": "blue"}},
        ),
    ]


def test_arguments_that_are_no_object_and_calls_that_nobody_wants() -> None:
    said = told(
        writer(),
        happened.ToolCalled("resp_1", "i", "c1", "f", "[1]"),
        happened.ToolsCancelled(("c1", "c2")),
    )
    assert said[1][1]["arguments"] == {}
    assert said[2:] == [("llm-function-call-stopped", {"function_name": "f", "tool_call_id": "c1", "cancelled": True})]


def test_refusals_answer_the_message_that_caused_them() -> None:
    to = writer()
    answered = to.write(happened.Problem("no", client_event_id="m1"))[0]
    assert (answered["type"], answered["id"], answered["data"]["error"]) == ("error-response", "m1", "no")
    assert told(to, happened.Problem("no")) == [("error", {"error": "no", "message": "no", "fatal": False})]
    failed = happened.ResponseDone("resp_1", "failed", error_message="out of order")
    assert told(to, failed)[1] == ("error", {"error": "out of order", "message": "out of order", "fatal": False})


@pytest.mark.parametrize(("reason", "fatal"), [("client_closed", 0), ("idle", 0), ("provider_error", 1)])
def test_the_end(reason: Any, fatal: int) -> None:
    *errors, last = writer().write(happened.SessionEnded(reason))
    assert last == {"type": "signalling", "message": {"type": "peerLeft"}}
    assert [error["data"]["fatal"] for error in errors] == [True] * fatal


def test_latency_in_seconds_by_stage() -> None:
    stages = (happened.Stage("end_of_turn", 1.0, 1.5), happened.Stage("model", 1.5, 1.75))
    assert told(writer(), happened.TurnMeasured("i", "resp_1", stages)) == [
        (
            "metrics",
            {
                "ttfb": [{"processor": "model", "value": 0.25}],
                "processing": [{"processor": "end_of_turn", "value": 0.5}, {"processor": "model", "value": 0.25}],
            },
        )
    ]


def test_responses_of_others_are_not_told() -> None:
    aside = happened.ResponseCreated("resp_x", out_of_band=True)
    assert told(writer(), aside, happened.TextDelta("resp_x", "i", "x"), happened.ResponseDone("resp_x")) == []


def test_settings_are_remembered_and_what_has_no_word_is_silent() -> None:
    to = writer()
    assert told(to, happened.SessionUpdated(Settings("local", instructions="x")), happened.InputCleared()) == []
    assert to.settings.instructions == "x"


def test_what_is_remembered_is_bounded() -> None:
    to = writer()
    for number in range(3 * MAX_KEPT):
        to.write(happened.ToolCalled("r", "i", f"c{number}", "f", "{}"))
        to.write(happened.TextDelta("r", f"i{number}", "x"))
        to.write(happened.ResponseCreated(f"r{number}", out_of_band=True))
        to.write(happened.OutputStarted(f"s{number}"))
    assert {len(kept) for kept in (to._calls, to._scripts, to._aside, to._voices)} == {MAX_KEPT}
