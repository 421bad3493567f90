from typing import Any

import pytest

from bridges.llm.gemini_stream import GeminiAnswer
from bridges.llm.signatures import Signatures
from bridges.sse import Event, Events
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import ToolRequest
from tests.servers.gemini_generate import blocked, called, chunk


def read(*events: str, signatures: Signatures | None = None) -> list[Any]:
    answer = GeminiAnswer(signatures or Signatures())
    texts = [answer.event(each) for each in Events().feed("".join(events).encode())]
    return [*filter(None, texts), *answer.finish()]


def test_text_and_usage() -> None:
    pieces = read(chunk({"text": "Hel"}), chunk({"text": "lo."}), chunk({"text": ""}, finish="STOP"))
    assert pieces[:2] == ["Hel", "lo."]
    assert pieces[2] == Usage(
        input_tokens=12,
        output_tokens=7,
        input_text_tokens=12,
        output_text_tokens=7,
        thinking_tokens=4,
        source="provider",
    )


def test_calls_come_whole_and_their_signature_is_kept() -> None:
    kept = Signatures()
    pieces = read(chunk(called("f", {"x": 1}, "c2ln", "id_1"), called("g", {})), chunk(finish="STOP"), signatures=kept)
    assert pieces[0] == ToolRequest("id_1", "f", '{"x": 1}')
    assert (pieces[1].name, pieces[1].arguments) == ("g", "{}")
    assert pieces[1].call_id.startswith("call_")
    assert (kept.get("id_1"), kept.get(pieces[1].call_id)) == ("c2ln", None)


def test_thoughts_are_not_spoken() -> None:
    parts = ({"text": "hm", "thought": True}, {"text": "Yes.", "thoughtSignature": "c2ln"})
    assert read(chunk(*parts, finish="STOP"))[0] == "Yes."


@pytest.mark.parametrize(
    ("event", "code", "retryable"),
    [
        (blocked("PROHIBITED_CONTENT"), "refused", False),
        (chunk(finish="SAFETY"), "refused", False),
        (chunk(finish="MALFORMED_FUNCTION_CALL"), "provider_error", True),
        (chunk(finish="MISSING_THOUGHT_SIGNATURE"), "invalid_request", False),
        (chunk({"text": "Hel"}), "connection_lost", True),
        ('data: {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}\n\n', "unavailable", True),
    ],
)
def test_an_answer_that_is_none(event: str, code: str, retryable: bool) -> None:
    with pytest.raises(BridgeError) as failed:
        read(event)
    assert (failed.value.code, failed.value.retryable) == (code, retryable)


def test_what_it_does_not_know_is_passed_over() -> None:
    wrong = '{"candidates": [{"content": {"parts": [7, {"text": 7}, {"functionCall": {"name": 7}}]}}, 7]}'
    assert GeminiAnswer(Signatures()).event(Event(wrong)) == ""
    assert (
        read(
            "data: nonsense\n\n", chunk({"executableCode": {"code": "x"}}), chunk({"text": "Yes."}, finish="MAX_TOKENS")
        )[0]
        == "Yes."
    )


def test_limits_what_it_keeps() -> None:
    with pytest.raises(BridgeError):
        read(chunk(*[called("f", {})] * 40))
    with pytest.raises(BridgeError):
        read(chunk(called("f", {"x": "x" * 200_000})))
    kept = Signatures()
    read(chunk(called("f", {}, "c2ln" * 100_000, "a"), finish="STOP"), signatures=kept)
    assert kept.get("a") is None
