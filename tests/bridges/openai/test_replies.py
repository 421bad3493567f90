from base64 import b64encode
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.openai.replies import ReplyReader
from bridges.openai.responses import Responses
from bridges.openai.wire import (
    ErrorBody,
    ItemBody,
    ResponseBody,
    ResponseMessage,
    ResponsePart,
    StatusDetails,
    UsageBody,
)
from mediaserver.commands import Respond
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    ReplyCut,
    ResponseDone,
    TextDelta,
    TextDone,
    ToolCalled,
)
from mediaserver.items import Usage
from mediaserver.settings import Settings

PCM = b64encode(b"\x01\x00\x02\x00").decode()
CALL = ItemBody("i", "function_call", "completed", "f", "c", '{"a":1}')


def begun(audio_format: str = "pcm") -> tuple[ReplyReader, Responses]:
    book = Responses()
    book.ask(Respond(response_id="ours", settings=Settings("m", voice="v"), metadata=(("a", "b"),)))
    reader = ReplyReader(book, audio_format)  # type: ignore[arg-type]
    body = ResponseBody("theirs", output_modalities=["audio"], metadata={"mediaserver_response": "ours", "a": "b"})
    (created,), unwanted = reader.created(ResponseMessage(body), Settings("m"))
    assert (created.response_id, created.voice, created.metadata) == ("ours", "v", (("a", "b"),))  # type: ignore[attr-defined]
    assert unwanted is None
    return reader, book


def part(**fields: Any) -> ResponsePart:
    return ResponsePart("theirs", "i", **fields)


def done(status: str = "completed", **fields: Any) -> ResponseMessage:
    return ResponseMessage(ResponseBody("theirs", status, **fields))


def test_sound_and_words_and_their_ends() -> None:
    reader, _ = begun()
    assert reader.text_delta(part(delta="Hel")) == [TextDelta("ours", "i", "Hel")]
    assert reader.audio_delta(part(delta=PCM)) == [AudioDelta("ours", "i", b"\x01\x00\x02\x00")]
    assert reader.text_done(part(transcript="Hello.")) == [TextDone("ours", "i", "Hello.")]
    assert reader.audio_done(part()) == [AudioDone("ours", "i")]
    assert reader.audio_done(part()) == []
    assert reader.done(done()) == [ResponseDone("ours", "completed")]
    assert reader.done(done()) == []
    assert reader.text_delta(part(delta="late")) == []


def test_a_beginning_that_is_told_twice_is_one() -> None:
    reader, _ = begun()
    assert reader.created(ResponseMessage(ResponseBody("theirs")), Settings("m")) == ([], None)
    assert reader.done(done()) == [ResponseDone("ours", "completed")]


def test_ends_that_are_left_out_are_told_before_the_end_of_all() -> None:
    reader, _ = begun()
    reader.text_delta(part(delta="Hel"))
    reader.text_delta(part(delta="lo."))
    reader.audio_delta(part(delta=PCM))
    told = reader.done(done(output=[CALL]))
    assert told == [
        ToolCalled("ours", "i", "c", "f", '{"a":1}'),
        AudioDone("ours", "i"),
        TextDone("ours", "i", "Hello."),
        ResponseDone("ours", "completed"),
    ]


def test_a_text_that_is_not_repeated_is_joined() -> None:
    reader, _ = begun()
    reader.text_delta(part(delta="Hel"))
    reader.text_delta(part(delta="lo."))
    assert reader.text_done(part()) == [TextDone("ours", "i", "Hello.")]


@pytest.mark.parametrize(("audio_format", "byte"), [("pcmu", b"\xff"), ("pcma", b"\xd5")])
def test_g711_becomes_pcm(audio_format: str, byte: bytes) -> None:
    reader, _ = begun(audio_format)
    (delta,) = reader.audio_delta(part(delta=b64encode(byte * 3).decode()))
    assert isinstance(delta, AudioDelta)
    assert len(delta.pcm) == 6


@pytest.mark.parametrize("delta", ["!!!!", "A", b64encode(b"odd").decode(), "ä", "AA=A"])
def test_what_is_no_sound_is_garbled(delta: str) -> None:
    reader, _ = begun()
    with pytest.raises(Garbled):
        reader.audio_delta(part(delta=delta))


def test_a_function_is_called_once_whoever_tells_it() -> None:
    reader, _ = begun()
    reader.item_added(part(item=ItemBody("i", "function_call", name="f", call_id="c")))
    assert reader.arguments_done(part(arguments='{"a":1}')) == [ToolCalled("ours", "i", "c", "f", '{"a":1}')]
    assert reader.item_done(part(item=CALL)) == []
    assert reader.done(done(output=[CALL])) == [ResponseDone("ours", "completed")]


def test_arguments_that_were_cut_off_call_nothing() -> None:
    reader, _ = begun()
    reader.item_added(part(item=ItemBody("i", "function_call", name="f", call_id="c")))
    assert reader.arguments_done(part(arguments='{"a":')) == []
    assert reader.item_done(part(item=ItemBody("i", "function_call", "incomplete", "f", "c", '{"a":'))) == []
    told = reader.done(done("cancelled", status_details=StatusDetails("turn_detected"), output=[CALL]))
    assert told == [ReplyCut("ours"), ResponseDone("ours", "cancelled", "turn_detected")]


def test_a_finished_call_is_told_however_its_arguments_look() -> None:
    reader, _ = begun()
    broken = ItemBody("i", "function_call", "completed", "f", "c", "not json")
    assert reader.arguments_done(part(arguments="not json", call_id="c", name="f")) == []
    assert reader.item_done(part(item=broken)) == [ToolCalled("ours", "i", "c", "f", "not json")]


def test_nothing_of_a_stopped_response_but_its_end() -> None:
    reader, book = begun()
    reader.audio_delta(part(delta=PCM))
    assert book.stop("ours") == "theirs"
    assert reader.audio_delta(part(delta=PCM)) == []
    assert reader.text_done(part(text="a")) == []
    assert reader.item_done(part(item=CALL)) == []
    end = done("cancelled", status_details=StatusDetails("turn_detected"))
    assert reader.done(end) == [ResponseDone("ours", "cancelled", "turn_detected")]


def test_failures_and_usage() -> None:
    reader, _ = begun()
    error = ErrorBody("Too many.", "rate_limit_error", "rate_limit_exceeded")
    (end,) = reader.done(done("failed", status_details=StatusDetails(error=error), usage=UsageBody(5, 2)))
    assert end == ResponseDone(
        "ours", "failed", None, Usage(5, 2, source="provider"), "rate_limit_exceeded", "Too many."
    )


def test_one_that_was_stopped_before_it_began_is_to_be_cancelled() -> None:
    book = Responses()
    book.ask(Respond(response_id="ours", settings=Settings("m")))
    book.stop("ours")
    body = ResponseBody("theirs", metadata={"mediaserver_response": "ours"})
    _, unwanted = ReplyReader(book, "pcm").created(ResponseMessage(body), Settings("m"))
    assert unwanted == "theirs"
