from typing import Any

import pytest

from bridges.llm.responses_stream import ResponseAnswer
from bridges.sse import Events
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import ToolRequest
from tests.servers.responses import called, end, event, spoken


def read(*events: str) -> list[Any]:
    answer = ResponseAnswer()
    texts = [answer.event(each) for each in Events().feed("".join(events).encode())]
    return [*filter(None, texts), *answer.finish()]


def test_text_calls_and_usage() -> None:
    search = event("response.web_search_call.searching", item_id="ws_1", output_index=0)
    assert read(search, spoken("Sun"), spoken("ny."), called("f", '{"x":1}'), end()) == [
        "Sun",
        "ny.",
        ToolRequest("call_1", "f", '{"x":1}'),
        Usage(
            input_tokens=12,
            output_tokens=7,
            input_text_tokens=12,
            output_text_tokens=7,
            cached_tokens=4,
            thinking_tokens=3,
            source="provider",
        ),
    ]


@pytest.mark.parametrize(
    ("last", "code", "retryable"),
    [
        (event("error", code="rate_limit_exceeded", message="slow"), "rate_limited", True),
        (end("response.failed", error={"code": "server_error", "message": "busy"}), "unavailable", True),
        (end("response.incomplete", incomplete_details={"reason": "content_filter"}), "refused", False),
        (spoken("Hel"), "connection_lost", True),
    ],
)
def test_an_answer_that_is_none(last: str, code: str, retryable: bool) -> None:
    with pytest.raises(BridgeError) as failed:
        read(last)
    assert (failed.value.code, failed.value.retryable) == (code, retryable)


def test_too_long_an_answer_is_one() -> None:
    assert (
        read(spoken("Hel"), end("response.incomplete", incomplete_details={"reason": "max_output_tokens"}))[0] == "Hel"
    )


def test_limits_what_it_keeps() -> None:
    with pytest.raises(BridgeError):
        read(*[called("f", "{}")] * 40)
    with pytest.raises(BridgeError):
        read(called("f", "x" * 200_000))


def test_sources_are_not_spoken() -> None:
    assert read(spoken("It snowed.[[1]](https://"), spoken("x.ai/a) Much ["), end())[:3] == [
        "It snowed.",
        " Much",
        " [",
    ]
