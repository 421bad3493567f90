import pytest

from bridges.llm.anthropic_stream import AnthropicAnswer
from bridges.sse import Events
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import Piece, ToolRequest
from tests.servers.anthropic_messages import block, called, end, event, spoken, start


def read(*events: str) -> list[Piece]:
    answer = AnthropicAnswer()
    texts = [answer.event(each) for each in Events().feed("".join(events).encode())]
    return [*filter(None, texts), *answer.finish()]


def test_text_calls_and_usage() -> None:
    made = [*spoken("One ", "moment."), *called(1, "f", "", '{"x":', "1}"), *called(2, "g")]
    cached = {"cache_creation_input_tokens": 100, "cache_read_input_tokens": 900}
    pieces = read(start(**cached), *made, *end("tool_use"))
    assert pieces[:-1] == [
        "One ",
        "moment.",
        ToolRequest("toolu_1", "f", '{"x":1}'),
        ToolRequest("toolu_2", "g", "{}"),
    ]
    assert pieces[-1] == Usage(
        input_tokens=1025,
        output_tokens=15,
        input_text_tokens=1025,
        output_text_tokens=15,
        cached_tokens=900,
        source="provider",
    )


def test_thoughts_are_not_spoken() -> None:
    deltas = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}]
    thought = block(0, "thinking", deltas, thinking="", signature="")
    usage = {"output_tokens": 15, "output_tokens_details": {"thinking_tokens": 9}}
    last = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usage)
    pieces = read(start(), *thought, *spoken("Yes.", index=1), last, event("message_stop"))
    assert pieces[0] == "Yes."
    assert isinstance(pieces[1], Usage)
    assert pieces[1].thinking_tokens == 9


@pytest.mark.parametrize(
    ("events", "code", "retryable"),
    [
        ([event("error", error={"type": "overloaded_error", "message": "busy"})], "unavailable", True),
        (["event: error\ndata: {}\n\n"], "provider_error", True),
        (end("refusal"), "refused", False),
        (spoken("Hel")[:2], "connection_lost", True),
    ],
)
def test_an_answer_that_is_none(events: list[str], code: str, retryable: bool) -> None:
    with pytest.raises(BridgeError) as failed:
        read(start(), *events)
    assert (failed.value.code, failed.value.retryable) == (code, retryable)


def test_what_it_does_not_know_is_passed_over() -> None:
    unknown = 'event: new\ndata: {"type": "new"}\n\ndata: [1]\n\nevent: ping\ndata: {}\n\n'
    wrong = 'data: {"type": "content_block_delta", "index": "x", "delta": 7}\n\ndata: {"type": 7}\n\n'
    assert read(start(), unknown, wrong, *spoken("Yes."), *end("max_tokens"))[0] == "Yes."


def test_limits_what_it_keeps() -> None:
    with pytest.raises(BridgeError):
        read(start(), *called(0, "f", "x" * 200_000))
    with pytest.raises(BridgeError):
        read(start(), *(each for at in range(100) for each in called(at, "f")))
