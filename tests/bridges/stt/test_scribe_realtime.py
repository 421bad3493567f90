import base64
import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.stt.scribe_realtime import FAILURES, LATE_S, ScribeCodec
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial

SECOND = bytes(32000)


def said(kind: str, text: str = "") -> str:
    return json.dumps({"message_type": kind, "text": text})


def begun(prompt: str = "") -> ScribeCodec:
    codec = ScribeCodec(16000, "en")
    assert not codec.ready
    codec.receive(said("session_started"))
    assert codec.ready
    codec.begin(prompt)
    return codec


def sent(messages: Any) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages]


def test_a_turn() -> None:
    codec = begun()
    chunks = sent(codec.hear(SECOND))
    assert b"".join(base64.b64decode(chunk["audio_base_64"]) for chunk in chunks) == SECOND
    assert codec.receive(said("partial_transcript", "book a")) == Partial("book a")
    assert codec.receive(said("committed_transcript", "Book a table")) == Partial("Book a table", 12)
    assert not codec.complete  # it commits by itself now and then
    list(codec.hear(SECOND))
    assert sent(codec.finish()) == [
        {"message_type": "input_audio_chunk", "audio_base_64": "", "commit": True, "sample_rate": 16000}
    ]
    codec.receive(said("committed_transcript", "for two."))
    assert codec.complete
    assert codec.clean
    assert codec.transcript().text == "Book a table for two."
    assert codec.transcript().language == "en"


def test_a_short_word_is_filled_up() -> None:
    codec = begun()
    assert sent(codec.hear(bytes(320))) == []
    first, last = sent(codec.finish())
    assert len(base64.b64decode(first["audio_base_64"])) == 11200
    assert (first["commit"], last["commit"]) == (False, True)


def test_nothing_left_to_commit_ends_the_turn() -> None:
    codec = begun()
    list(codec.hear(SECOND))
    codec.receive(said("committed_transcript", "Yes."))
    codec.finish()
    codec.receive('{"message_type":"commit_throttled","error":"only 0.01s"}')
    assert codec.complete
    assert codec.transcript().text == "Yes."


def test_what_was_said_before_goes_with_the_first_sound_of_a_socket() -> None:
    codec = begun("Hello.")
    first, *others = sent([*codec.hear(SECOND), *codec.finish()])
    assert first["previous_text"] == "Hello."
    assert not any("previous_text" in chunk for chunk in others)
    codec.receive(said("committed_transcript", "Hi."))
    assert codec.complete
    assert not codec.clean  # another turn must not be heard with this one's prompt
    codec.begin("Again.")
    assert not any("previous_text" in chunk for chunk in sent(codec.hear(SECOND)))


def test_a_commit_that_was_lost_costs_the_socket_but_not_the_text() -> None:
    codec = begun()
    list(codec.hear(SECOND))
    codec.finish()
    codec.settle(LATE_S)
    assert not codec.complete
    codec.receive(said("partial_transcript", "yes"))
    codec.settle(LATE_S)
    assert codec.complete
    assert not codec.clean


@pytest.mark.parametrize("kind", FAILURES)
def test_failures(kind: str) -> None:
    with pytest.raises(BridgeError) as raised:
        begun().receive(json.dumps({"message_type": kind, "error": "secret"}))
    assert (raised.value.code, raised.value.retryable) == FAILURES[kind]
    assert "secret" not in raised.value.message


@pytest.mark.parametrize("junk", ["", "[]", "{}", '{"message_type":7}', b"\xff", '{"message_type":"x","text":1}'])
def test_nonsense(junk: str | bytes) -> None:
    with pytest.raises(Garbled):
        begun().receive(junk)


def test_what_is_not_known_is_counted() -> None:
    codec = begun()
    assert codec.receive(said("novel")) is None
    assert codec.receive('{"message_type":"warning","warning":"x"}') is None
    assert codec.unknown == {"novel": 1}


def test_a_socket_is_kept_by_an_empty_chunk() -> None:
    codec = begun()
    assert sent(codec.idle())[0]["audio_base_64"] == ""
    assert codec.clean
    codec.receive(said("partial_transcript", "ghost"))
    assert not codec.clean
    assert codec.closed(1000, "") is None
